"""For scripts/api-check: what the checks must not do, and what a schema cannot say."""

import schemathesis

OWN_ID = 1  # of the key that these checks use, and of the PBX whose token they use
NOBODYS_ID = 999_999_999


@schemathesis.hook
def before_call(context, case, kwargs):
    """Keeps the checks from sawing off the branch that they sit on: their own key and PBX stay as they are."""
    owned = case.path.startswith(("/api/v1/keys/{", "/api/v1/pbxes/{"))
    if owned and case.method.upper() != "GET" and str(case.path_parameters.get("id")) == str(OWN_ID):
        case.path_parameters["id"] = NOBODYS_ID
    if isinstance(case.body, (dict, list)):
        case.body = whole(case.body)


def whole(value):
    """JSON Schema takes 1.0 for an integer and knows no largest number; our reader, like most, does not."""
    if isinstance(value, int) and abs(value) >= 10**308:
        return 10**300
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [whole(item) for item in value]
    if isinstance(value, dict):
        return {name: whole(item) for name, item in value.items()}
    return value
