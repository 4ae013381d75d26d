#!/usr/bin/env python3
"""CloudWatch's metrics API on loopback, for tests: moto's backend, spoken to in all three wire protocols.

    venv/bin/python double.py --port 0 --print-url      # prints http://127.0.0.1:NNNNN, then serves

Current AWS SDKs speak only Smithy RPC v2 CBOR to CloudWatch, which moto answers with 404, and moto accepts
PutMetricData requests that the real service refuses. So this file
  * translates RPC v2 CBOR to and from moto's awsJson1_0 (awsJson and query requests pass straight through);
  * enforces the documented PutMetricData limits, in every protocol, and of other operations the service's own model:
    a member that it doesn't have, or of another type, is refused;
  * repairs the moto read paths that would otherwise return wrong numbers (see "moto repairs");
  * injects faults: POST /_control {"throttle": n, "fail_500": n, "hang_ms": m, "hang": n, "reset": true}, each for
    the next n requests of any operation (hang: 1 unless given); one request can hang and then be throttled;
  * reports traffic: GET /_control/requests, and every datum it took, as it came: GET /_control/datums
Metric math is in metric_math.py. Not to be relied on: percentiles, the states of alarms and GetMetricStatistics.
Binds to 127.0.0.1 only. State is in memory, per region (the datums' list for all of them), lost on exit or reset.
"""
import argparse
import base64
import copy
import gzip
import io
import json
import math
import os
import re
import threading
import time
import uuid
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

# moto stamps dashboards with naive local time and later reads it as UTC; pinning TZ makes that harmless.
os.environ["TZ"] = "UTC"
time.tzset()

import cbor2  # noqa: E402
from botocore.model import OperationNotFoundError  # noqa: E402  (botocore comes with moto)
from botocore.session import Session  # noqa: E402
from botocore.utils import parse_timestamp  # noqa: E402
from botocore.validate import ParamValidator  # noqa: E402
from moto.cloudwatch.exceptions import CloudWatchException  # noqa: E402
from moto.cloudwatch.models import CloudWatchBackend, cloudwatch_backends  # noqa: E402
from moto.cloudwatch.responses import CloudWatchResponse  # noqa: E402
from moto.core.responses import EmptyResult  # noqa: E402
from moto.moto_server.werkzeug_app import create_backend_app  # noqa: E402
from werkzeug.serving import WSGIRequestHandler, make_server  # noqa: E402
from werkzeug.wrappers import Request, Response  # noqa: E402

import metric_math  # noqa: E402

TARGET = "GraniteServiceVersion20100801"
CBOR_PATH = re.compile(rf"^/service/{TARGET}/operation/(\w+)$")
MODEL = Session().get_service_model("cloudwatch")
UNITS = set(MODEL.shape_for("StandardUnit").enum)

MAX_BODY = 1024 * 1024  # "1 MB in size for HTTP POST requests"; the service's own 413 text counts in KiB
MAX_DATUMS, MAX_VALUES, MAX_DIMENSIONS = 1000, 150, 30
MAX_MAGNITUDE = 2.0**360
OLDEST, NEWEST = timedelta(days=14), timedelta(hours=2)
CONTROLS = {"throttle", "fail_500", "hang_ms", "hang", "reset"}
TAKEN = []  # every datum that was stored, whole: moto keeps its statistics alone
STATISTICS = {"SampleCount", "Sum", "Average", "Minimum", "Maximum"}


# ---- PutMetricData limits -----------------------------------------------------------------------------------
# The codes are the query-protocol ones ("InvalidParameterValue"): CloudWatch is an awsQueryCompatible service,
# so these are what every SDK reports; moto maps them to the modelled shapes ("InvalidParameterValueException").
def refuse(message, code="InvalidParameterValue"):
    raise CloudWatchException(code, message)


def check_size(collection, where, most):
    if len(collection) > most:
        refuse(f"The collection {where} must not have a size greater than {most}.")


def check_text(value, where, longest, no_colon=False):
    if not (value or "").strip():  # the service calls empty and all-blank strings missing, not invalid
        refuse(f"The parameter {where} is required.", "MissingParameter")
    if len(value) > longest:
        refuse(f"The value for parameter {where} must not be longer than {longest} characters.")
    if not value.isascii() or any(ord(c) < 32 or ord(c) == 127 for c in value):
        refuse(f"The value for parameter {where} contains non-ASCII or control characters.")
    if no_colon and value.startswith(":"):
        refuse(f"The value {value} for parameter {where} is invalid.")


def check_number(value, where):
    if not math.isfinite(value) or abs(value) > MAX_MAGNITUDE:
        refuse(f"The value {value} for parameter {where} is invalid.")


def check_datum(datum, at, now):
    check_text(datum.get("MetricName"), f"{at}.MetricName", 255)
    dimensions = datum.get("Dimensions") or []
    check_size(dimensions, f"{at}.Dimensions", MAX_DIMENSIONS)
    for n, dimension in enumerate(dimensions, 1):
        check_text(dimension.get("Name"), f"{at}.Dimensions.member.{n}.Name", 255, no_colon=True)
        check_text(dimension.get("Value"), f"{at}.Dimensions.member.{n}.Value", 1024)

    value, stats = datum.get("Value"), datum.get("StatisticValues")
    values, counts = datum.get("Values") or [], datum.get("Counts") or []
    # Values together with StatisticValues is legal: the CloudWatch agent sends both for distributions.
    for other, given in (("Values", values), ("StatisticValues", stats), ("Counts", counts)):
        if value is not None and given:
            refuse(f"The parameters {at}.Value and {at}.{other} are mutually exclusive and you have specified both.",
                   "InvalidParameterCombination")
    if value is None and not values and stats is None:
        refuse(f"At least one of the parameters {at}.Value, {at}.Values and {at}.StatisticValues must be specified.",
               "InvalidParameterCombination")
    if value is not None:
        check_number(value, f"{at}.Value")
    for name, numbers in (("Values", values), ("Counts", counts)):
        check_size(numbers, f"{at}.{name}", MAX_VALUES)
        for n, number in enumerate(numbers, 1):
            check_number(number, f"{at}.{name}.member.{n}")
    if counts and len(counts) != len(values):
        refuse(f"The parameters {at}.Values and {at}.Counts must be of the same size.")
    if any(count < 0 for count in counts):
        refuse(f"The values of {at}.Counts must not be negative.")
    if stats is not None:
        for name in ("SampleCount", "Sum", "Minimum", "Maximum"):
            if stats.get(name) is None:
                refuse(f"The parameter {at}.StatisticValues.{name} is required.", "MissingParameter")
            check_number(stats[name], f"{at}.StatisticValues.{name}")
        if stats["SampleCount"] < 0 or stats["Maximum"] < stats["Minimum"]:
            refuse(f"The parameter {at}.StatisticValues needs SampleCount >= 0 and Maximum >= Minimum.")

    stamp = datum.get("Timestamp")  # moto has parsed it to naive UTC
    if stamp is not None and stamp < now - OLDEST:
        refuse(f"The parameter {at}.Timestamp must specify a time within the past two weeks.")
    if stamp is not None and stamp > now + NEWEST:
        refuse(f"The parameter {at}.Timestamp must specify a time no more than two hours in the future.")
    for name, allowed in (("StorageResolution", {1, 60}), ("Unit", UNITS)):
        if datum.get(name) is not None and datum[name] not in allowed:
            refuse(f"The value {datum[name]} for parameter {at}.{name} is invalid.")


def put_metric_data(self):
    """Replaces moto's handler. It runs after moto has parsed the request, so one check covers every protocol."""
    namespace = self._get_param("Namespace")
    check_text(namespace, "Namespace", 255, no_colon=True)
    if namespace.startswith("AWS/"):  # reserved; the service refuses it
        refuse(f"The value {namespace} for parameter Namespace is invalid.")
    entities = enumerate(self._get_param("EntityMetricData") or [], 1)
    groups = [("", self._get_params())] + [(f"EntityMetricData.member.{n}.", entity) for n, entity in entities]
    data = [(f"{prefix}MetricData.member.{n}", datum) for prefix, group in groups
            for n, datum in enumerate(group.get("MetricData") or [], 1)]
    if not data:
        refuse("The parameter MetricData is required.", "MissingParameter")
    check_size(data, "MetricData", MAX_DATUMS)  # the limit is for both kinds together
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    for at, datum in data:
        check_datum(datum, at, now)
    # All or nothing: store only once the whole request has passed.
    TAKEN.extend({"Namespace": namespace, **json.loads(json.dumps(datum, default=json_scalar))} for _, datum in data)
    self.cloudwatch_backend.put_metric_data(namespace, [flat for _, datum in data for flat in flatten(datum)])
    return EmptyResult()


# ---- moto repairs -------------------------------------------------------------------------------------------
def flatten(datum):
    """Store value*count as a statistic set. moto makes one object per *occurrence* (a count of 1e7 kills it) and
    truncates fractional counts; Sum, SampleCount, Average, Minimum and Maximum come out the same this way."""
    rest = {k: v for k, v in datum.items() if k not in ("Values", "Counts")}
    if datum.get("StatisticValues") or not datum.get("Values"):
        return [rest]
    counts = datum.get("Counts") or [1.0] * len(datum["Values"])
    return [{**rest, "StatisticValues": {"Sum": v * c, "Minimum": v, "Maximum": v, "SampleCount": c}}
            for v, c in zip(datum["Values"], counts) if c > 0]


def identity(metric):
    return metric.namespace, metric.name, frozenset((d.name, d.value) for d in metric.dimensions)


def get_filtered_metrics(self, metric_name, namespace, dimensions):
    """ListMetrics: moto repeats a metric once per data point unless it has exactly one dimension."""
    found = {}
    for metric in self.get_all_metrics():
        if metric.filter(namespace=namespace, name=metric_name, dimensions=dimensions):
            found.setdefault(identity(metric), metric)
    return list(found.values())


def get_metric_data(self, queries, start_time, end_time, scan_by="TimestampDescending"):
    """GetMetricData: a metric is its namespace, name and exact dimensions. moto ignores the namespace when there
    are dimensions, merges all dimensions when there are none, answers null for percentiles, and knows next to no
    metric math."""
    by_id = {query["Id"]: query for query in queries}

    def read(stat):
        if stat["Stat"] not in STATISTICS:
            raise CloudWatchException("ValidationError", f"double: {stat['Stat']} is not supported.")
        metric = dict(stat["Metric"])
        dimensions = frozenset((d["Name"], d["Value"]) for d in metric.pop("Dimensions", []))
        wanted = (metric["Namespace"], metric["MetricName"], dimensions)
        view = copy.copy(self)  # a shallow copy, so that concurrent requests keep the full list
        view.metric_data = [m for m in self.metric_data if identity(m) == wanted]
        # The service rounds StartTime down to the minute, or to the period below a minute; moto does not.
        start = start_time.replace(microsecond=0)
        start -= timedelta(seconds=start.second % min(int(stat["Period"]), 60))
        query = {"Id": "read", "MetricStat": {**stat, "Metric": metric}}
        (found,) = moto_get_metric_data(view, [query], start, end_time, "TimestampAscending")
        return dict(zip(found["timestamps"], found["values"]))

    def known(name):
        if name is None:
            return {time for query in queries if "MetricStat" in query for time in read(query["MetricStat"])}
        if name not in by_id:
            raise CloudWatchException("ValidationError", f"There is no {name} in the request.")
        query = by_id[name]
        return read(query["MetricStat"]) if "MetricStat" in query else metric_math.evaluate(
            query["Expression"], known, search)

    def search(namespace, dimensions, terms, stat, period):
        found = []
        for of, name, pairs in sorted({identity(metric) for metric in self.get_all_metrics()}, key=str):
            said = {"MetricName": name, **dict(pairs)}
            holds = all(any(said.get(term) == value for term, value in alternatives) for alternatives in terms)
            if of == namespace and {name for name, _ in pairs} == dimensions and holds:
                metric = {"Namespace": of, "MetricName": name,
                          "Dimensions": [{"Name": name, "Value": value} for name, value in pairs]}
                found.append(read({"Metric": metric, "Stat": stat, "Period": period}))
        return found

    out = []
    for query in queries:
        if not query.get("ReturnData", True):
            continue
        try:
            result = known(query["Id"])
        except metric_math.Refused as error:
            raise CloudWatchException("ValidationError", str(error)) from error
        for series in result if isinstance(result, list) else [result]:
            points = sorted(series.items(), reverse=scan_by == "TimestampDescending")
            out.append({"id": query["Id"], "label": query.get("Label") or query["Id"], "status_code": "Complete",
                        "timestamps": [time for time, _ in points], "values": [value for _, value in points]})
    return out


moto_get_metric_data = CloudWatchBackend.get_metric_data
CloudWatchBackend.get_metric_data = get_metric_data
CloudWatchBackend.get_filtered_metrics = get_filtered_metrics
CloudWatchResponse.put_metric_data = put_metric_data


# ---- translation --------------------------------------------------------------------------------------------
def json_scalar(value):
    """CBOR values that JSON lacks, as awsJson1_0 writes them."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"unexpected CBOR value {value!r}")


def to_cbor(shape, value):
    """Give a JSON value the CBOR type its shape asks for; JSON itself cannot tell 1 from 1.0, or a blob from text."""
    kind = shape.type_name
    if kind == "structure":
        return {k: to_cbor(s, value[k]) for k, s in shape.members.items() if value.get(k) is not None}
    if kind == "list":
        return [to_cbor(shape.member, item) for item in value]
    if kind == "map":
        return {k: to_cbor(shape.value, item) for k, item in value.items()}
    if kind == "timestamp":
        seconds = value if isinstance(value, (int, float)) else parse_timestamp(value).timestamp()
        return cbor2.CBORTag(1, seconds)
    if kind == "blob":
        return base64.b64decode(value)
    return {"double": float, "float": float, "integer": int, "long": int}.get(kind, lambda v: v)(value)


def cbor_reply(status, body):
    headers = {"smithy-protocol": "rpc-v2-cbor"}
    return Response(cbor2.dumps(body), status, headers, content_type="application/cbor")


def fault(protocol, status, code, message):
    """An error made here rather than by moto, in the caller's protocol."""
    side = "Sender" if status < 500 else "Receiver"
    body = {"__type": f"com.amazonaws.cloudwatch#{code}", "message": message}
    if protocol == "cbor":
        response = cbor_reply(status, body)
    elif protocol == "json":
        response = Response(json.dumps(body), status, content_type="application/x-amz-json-1.0")
    else:
        response = Response(f"<ErrorResponse><Error><Type>{side}</Type><Code>{code}</Code><Message>{escape(message)}"
                            "</Message></Error></ErrorResponse>", status, content_type="text/xml")
    # SDKs take the code from this header, not from __type; without it the Rust SDK reports "unhandled error".
    response.headers["x-amzn-query-error"] = f"{code};{side}"
    return response


# ---- the server ---------------------------------------------------------------------------------------------
class Double:
    def __init__(self):
        self.moto = create_backend_app("cloudwatch")
        self.lock = threading.Lock()
        self.faults, self.log, self.freed = {}, [], threading.Event()

    def __call__(self, environ, start_response):
        request = Request(environ)
        handler = self.control if request.path.startswith("/_control") else self.serve
        # Always drain the body: closing with unread bytes would reset the connection under the client.
        return handler(request, request.get_data())(environ, start_response)

    def control(self, request, wire):
        if request.path == "/_control/requests":
            with self.lock:
                return Response(json.dumps(self.log), content_type="application/json")
        if request.path == "/_control/datums":
            return Response(json.dumps(list(TAKEN)), content_type="application/json")
        orders = json.loads(wire) if request.method == "POST" else {"": None}
        if set(orders) - CONTROLS:
            return Response(f"POST /_control takes {sorted(CONTROLS)}\n", 400)
        with self.lock:
            if orders.pop("reset", False):
                self.freed.set()  # ends the hangs in progress, which would otherwise store metrics after the reset
                self.faults, self.log, self.freed = {}, [], threading.Event()
                TAKEN.clear()
                for account in list(cloudwatch_backends.values()):
                    account.reset()
            if orders.get("hang_ms"):
                orders.setdefault("hang", 1)  # only the next request hangs, by default
            self.faults.update(orders)
            return Response(json.dumps(self.faults), content_type="application/json")

    def take(self, kind):
        with self.lock:
            left = self.faults.get(kind, 0)
            self.faults[kind] = max(left - 1, 0)
            return left > 0

    def serve(self, request, wire):
        match = CBOR_PATH.match(request.path)
        target = request.headers.get("X-Amz-Target", "")
        protocol = "cbor" if match else "json" if target else "query"
        entry = {"protocol": protocol, "op": match[1] if match else target.partition(".")[2] or None,
                 "time": time.time(), "datums": 0, "namespace": None, "body_bytes": len(wire),
                 "uncompressed_bytes": len(wire), "gzip": request.headers.get("Content-Encoding") == "gzip",
                 "user_agent": request.headers.get("User-Agent"), "attempt": request.headers.get("amz-sdk-request"),
                 "status": None, "error": None}
        with self.lock:
            self.log.append(entry)  # before any hang, so that a test sees a request it has since given up on
        try:
            response = self.answer(request, wire, protocol, entry)
        except Exception as error:  # a bug in moto or here: answer as the service would, and say what broke
            response = fault(protocol, 500, "InternalServiceError", f"double: {error!r}")
        response.headers["x-amzn-RequestId"] = str(uuid.uuid4())
        entry["status"] = response.status_code
        if response.status_code >= 400:
            in_xml = re.search(r"<Code>(\w+)", response.get_data(as_text=True)) if protocol == "query" else None
            entry["error"] = in_xml[1] if in_xml else response.headers.get("x-amzn-query-error", "").partition(";")[0]
        return response

    def answer(self, request, wire, protocol, entry):
        try:
            body = gzip.decompress(wire) if entry["gzip"] else wire
            if protocol == "query":
                payload = {k: v[0] for k, v in parse_qs(body.decode(), keep_blank_values=True).items()}
            else:
                payload = cbor2.loads(body) if protocol == "cbor" and body else json.loads(body or b"{}")
        except Exception as error:  # gzip, zlib, cbor2, json and utf-8 each raise their own
            return fault(protocol, 400, "SerializationException", f"Unreadable request body: {error}")
        entry["uncompressed_bytes"] = len(body)
        if protocol == "query":
            entry["op"] = payload.get("Action")
            entry["datums"] = len({m[0] for m in map(re.compile(r".*MetricData\.member\.\d+").match, payload) if m})
        elif entry["op"] == "PutMetricData":
            holders = [payload, *(payload.get("EntityMetricData") or [])]
            entry["datums"] = sum(len(holder.get("MetricData") or []) for holder in holders)
        entry["namespace"] = payload.get("Namespace")

        if self.take("hang") and self.freed.wait(self.faults.get("hang_ms", 0) / 1000):
            return fault(protocol, 500, "InternalServiceError", "Reset by /_control")
        if self.take("throttle"):
            return fault(protocol, 400, "ThrottlingException", "Rate exceeded")
        if self.take("fail_500"):
            return fault(protocol, 500, "InternalServiceError", "Injected by /_control")
        if entry["op"] == "PutMetricData" and len(body) > MAX_BODY:
            return fault(protocol, 413, "RequestEntityTooLarge", f"Request size {len(body)} exceeded {MAX_BODY} bytes")
        try:
            operation = MODEL.operation_model(entry["op"] or "")
        except OperationNotFoundError:
            return fault(protocol, 404, "UnknownOperationException", f"Unknown operation {entry['op']}")

        if protocol != "query" and entry["op"] != "PutMetricData":
            wrong = ParamValidator().validate(payload, operation.input_shape)
            if wrong.has_errors():
                return fault(protocol, 400, "ValidationError", wrong.generate_report())

        environ = dict(request.environ, PATH_INFO="/")
        environ.pop("HTTP_CONTENT_ENCODING", None)
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        if protocol == "cbor":
            body = json.dumps(payload, default=json_scalar).encode()
            environ.update(CONTENT_TYPE="application/x-amz-json-1.0", HTTP_X_AMZ_TARGET=f"{TARGET}.{entry['op']}")
        environ.update({"CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)})
        response = Response.from_app(self.moto, environ, buffered=True)
        if protocol != "cbor":
            return response
        result, shape = json.loads(response.get_data() or b"{}"), operation.output_shape
        if response.status_code < 400:
            return cbor_reply(200, to_cbor(shape, result) if shape else {})
        failure = cbor_reply(response.status_code, result)
        failure.headers["x-amzn-query-error"] = response.headers.get("x-amzn-query-error", "")
        return failure


def main():
    WSGIRequestHandler.log = lambda *_: None  # GET /_control/requests is the log
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="0 picks a free port")
    parser.add_argument("--print-url", action="store_true", help="print the endpoint URL on the first line of stdout")
    args = parser.parse_args()
    server = make_server("127.0.0.1", args.port, Double(), threaded=True)
    if args.print_url:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
