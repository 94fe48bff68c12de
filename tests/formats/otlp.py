"""Reads requests with OpenTelemetry's own protocol, and has a receiver take them."""
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
receiver = subprocess.Popen(
    [sys.executable, "-m", "oteltap", "--port", str(port)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
)


def post(body):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/logs", body, {"Content-Type": "application/x-protobuf"})
    for _ in range(100):
        try:
            return urllib.request.urlopen(request, timeout=10).status
        except urllib.error.HTTPError as error:
            return error.code
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    sys.exit("the receiver does not start")


try:
    sent = []
    for file in sys.argv[1:]:
        # Fields that the protocol does not have are refused here.
        with open(file, encoding="ascii") as text:
            message = json_format.Parse(text.read(), ExportLogsServiceRequest())
        assert post(message.SerializeToString()) == 200, file
        sent += [
            record.body.string_value
            for resource in message.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]
    assert post(b"\xff\xff garbage") == 400, "the receiver takes anything"
    heard = 0
    while heard < len(sent):
        line = receiver.stdout.readline()
        assert line, f"{heard} of {len(sent)} arrived"
        if line.startswith("{"):
            json.loads(line)
            heard += 1
    print(heard)
finally:
    receiver.kill()
