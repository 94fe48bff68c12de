"""Imports bundles into MISP, as its own import does, and counts what arrived."""
import json
import pathlib
import sys
import tempfile

from misp_stix_converter import stix_2_to_misp

arrived = 0
for file in sys.argv[1:]:
    with open(file, encoding="ascii") as text:
        sent = [item["type"] for item in json.load(text)["objects"]]
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "event.json"
        said = stix_2_to_misp(pathlib.Path(file), output_dir=out.parent, output_name=out, single_event=True)
        assert "errors" not in said and said.get("success") == 1, (file, said)
        written = json.loads(out.read_text())
    event = written.get("Event", written)
    names = [item["name"] for item in event.get("Object", [])]
    assert names.count("x509") == sent.count("x509-certificate"), (file, names, sent)
    arrived += names.count("x509")
print(arrived)
