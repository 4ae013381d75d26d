"""CloudWatch's metric math, by its documentation, as far as dashboards and alarms here use it.

An expression is a number, an Id of the same request, + - * / and comparisons of these, FILL(series, number),
IF(condition, then[, else]), SUM([series, ...]) and SEARCH('{namespace,dimensions} name="value" ...', 'Statistic', period);
whatever else it holds is refused. A series is a dict from time to value; an array, which SEARCH gives, a list of these.
Not the service's own: FILL fills the times at which any metric of the request has a value, not the whole range.
"""
import ast
import operator
import re

BINARY = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
          ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge}
SCHEMA = re.compile(r"^\s*\{([^}]*)\}(.*)$")
TERM = re.compile(r'("[^"]+"|\w+)="([^"]*)"')


class Refused(Exception):
    """What isn't metric math, or more of it than there is here."""


def evaluate(expression, known, search):
    """What `expression` comes to. `known` gives the value of an Id, `search(namespace, dimensions, terms, statistic,
    period)` the series of metrics whose dimensions have just these names."""
    try:
        tree = ast.parse(expression, mode="eval").body
    except SyntaxError as error:
        raise Refused(f"{expression} is not metric math: {error}") from error
    return value(tree, known, search)


def value(node, known, search):
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return node.value
    if isinstance(node, ast.Name):
        return known(node.id)
    if isinstance(node, ast.BinOp) and type(node.op) in BINARY:
        return combine(BINARY[type(node.op)], value(node.left, known, search), value(node.right, known, search))
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in BINARY:
        both = value(node.left, known, search), value(node.comparators[0], known, search)
        return combine(BINARY[type(node.ops[0])], *both)
    if isinstance(node, ast.List):
        return [value(item, known, search) for item in node.elts]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id == "SEARCH":
            return search(*searched(*(ast.literal_eval(argument) for argument in node.args)))
        if node.func.id in FUNCTIONS:
            return FUNCTIONS[node.func.id](known, *(value(argument, known, search) for argument in node.args))
    raise Refused(f"double: {ast.unparse(node)} is not supported.")


def combine(operation, left, right):
    """Of two series, at the times that both have; a division by nothing has no value."""
    if isinstance(left, list) or isinstance(right, list):
        raise Refused("double: arrays are for SUM alone.")
    times = [side for side in (left, right) if isinstance(side, dict)]
    if not times:
        return operation(left, right)
    at = lambda side, time: side[time] if isinstance(side, dict) else side  # noqa: E731
    common = set(times[0]).intersection(*times[1:])
    return {time: operation(at(left, time), at(right, time)) for time in common
            if operation is not operator.truediv or at(right, time) != 0}


def fill(known, series, filler):
    return {time: series.get(time, filler) for time in known(None)}


def choose(_known, condition, then, *otherwise):
    at = lambda side, time: side.get(time) if isinstance(side, dict) else side  # noqa: E731
    chosen = {time: at(then if holds else (otherwise or [{}])[0], time) for time, holds in condition.items()}
    return {time: found for time, found in chosen.items() if found is not None}


def total(_known, array):
    if not isinstance(array, list):
        raise Refused("double: SUM is for arrays alone.")
    return {time: sum(series.get(time, 0) for series in array) for time in {time for series in array for time in series}}


FUNCTIONS = {"FILL": fill, "IF": choose, "SUM": total}


def searched(query, statistic, period):
    """Namespace, names of dimensions, and terms: of each list of alternatives one has to hold."""
    schema = SCHEMA.match(query)
    if not schema:
        raise Refused(f"double: a SEARCH without a schema in braces: {query}")
    namespace, *dimensions = (name.strip().strip('"') for name in schema[1].split(","))
    rest, terms = schema[2], []
    for group in re.findall(r"\(([^()]*)\)", rest):
        terms.append([(name.strip('"'), said) for name, said in TERM.findall(group)])
        if TERM.sub("", group).replace("OR", "").strip():
            raise Refused(f"double: more than names, values and OR in ({group})")
        rest = rest.replace(f"({group})", "", 1)
    terms += [[(name.strip('"'), said)] for name, said in TERM.findall(rest)]
    if TERM.sub("", rest).strip():
        raise Refused(f"double: more than names and values in {rest}")
    return namespace, frozenset(dimensions), terms, statistic, period
