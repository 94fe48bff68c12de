"""Loads events into PyMISP, and every object into its template, which knows every relation."""
import json
import sys

from pymisp import MISPEvent, MISPObject
from pymisp.exceptions import PyMISPError

objects = 0
for file in sys.argv[1:]:
    with open(file, encoding="ascii") as text:
        event = json.load(text)
    loaded = MISPEvent(strict_validation=True)
    loaded.load(json.loads(json.dumps(event)))
    assert len(loaded.objects) == len(event["Event"]["Object"]), file
    for told in event["Event"]["Object"]:
        template = MISPObject(told["name"], strict=True)
        assert template.template_uuid == told["template_uuid"], told["name"]
        assert str(template.template_version) == told["template_version"], (told["name"], template.template_version)
        for attribute in told["Attribute"]:
            added = template.add_attribute(attribute["object_relation"], value=attribute["value"])
            assert added is not None and added.type == attribute["type"], (file, attribute["object_relation"])
        # What the template asks for is checked when it is written.
        template.to_json()
        objects += 1
try:
    MISPObject("x509", strict=True).add_attribute("no-such-relation", value="x")
    sys.exit("the template takes anything")
except PyMISPError:
    pass
print(objects)
