"""Holds events against the schema of OCSF 1.8.0 that the package ships, which knows every field."""
import json
import sys

import jsonschema
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

schema = OcsfJsonSchemaEmbedded(get_ocsf_schema("1.8.0"))
classes = {
    uid: jsonschema.Draft202012Validator(schema.get_class_schema(name, []))
    for uid, name in ((2004, "detection_finding"), (6007, "scan_activity"))
}
events = 0
for file in sys.argv[1:]:
    for line in open(file, encoding="ascii"):
        event = json.loads(line)
        faults = [f"{list(fault.path)}: {fault.message[:200]}" for fault in classes[event["class_uid"]].iter_errors(event)]
        if faults:
            sys.exit(f"{file}: {faults[:3]}")
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
        events += 1
# The validator looks: an event without a field that must be there is refused.
del event["metadata"]["version"]
assert list(classes[event["class_uid"]].iter_errors(event)), "the validator takes anything"
print(events)
