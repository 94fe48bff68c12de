"""Reads events with a parser that is not ours."""
import sys

import pycef

events = 0
for file in sys.argv[1:]:
    for line in open(file, encoding="utf-8"):
        read = pycef.parse(line.rstrip("\n"))
        assert read and read["CEFVersion"] == "0" and read["DeviceVendor"] == "Mintwatch", (file, line)
        assert 0 <= int(read["DeviceSeverity"]) <= 10 and len(read["DeviceName"]) <= 512, (file, line)
        if read["DeviceEventClassID"] != "run":
            assert read["dhost"] and read["dpt"].isdigit() and "confidencePercent" in read, (file, read)
        events += 1
assert pycef.parse("no CEF at all") is None, "the parser takes anything"
print(events)
