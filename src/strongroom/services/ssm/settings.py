"""Service settings of an account in a Region: the tier of parameters that name none, and the throughput.

Sources: AWS Systems Manager API Reference, GetServiceSetting, UpdateServiceSetting, ResetServiceSetting; User Guide,
"Specifying a default parameter tier", "Changing Parameter Store throughput".
"""

from collections.abc import Mapping, Sequence
from typing import Any

from strongroom.base.arn import parse_arn, partition_of
from strongroom.base.clock import as_datetime
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.house import House
from strongroom.operations.registry import Answer, Needs, operation
from strongroom.services.ssm import errors, tables
from strongroom.services.ssm.service import SSM
from strongroom.storage.connection import Connection

DEFAULT_TIER = "/ssm/parameter-store/default-parameter-tier"
HIGH_THROUGHPUT = "/ssm/parameter-store/high-throughput-enabled"
_DEFAULTS: Mapping[str, str] = {DEFAULT_TIER: "Standard", HIGH_THROUGHPUT: "false"}
_VALUES: Mapping[str, tuple[str, ...]] = {
    DEFAULT_TIER: ("Standard", "Advanced", "Intelligent-Tiering"),
    HIGH_THROUGHPUT: ("true", "false"),
}
_OTHER_TOOLS = ("appmanager", "automation", "documents", "managed-instance", "opsinsights")
_OF_OTHER_TOOLS = tuple(f"/ssm/{tool}/" for tool in _OTHER_TOOLS)
"""What begins the settings of those tools of Systems Manager that are not served."""

_CACHE_PREFIX = "ssm-settings/"
Changed = Mapping[str, Any]


class ServiceSettings:
    """The settings that accounts of one house have changed, by account and Region, kept until a change to them."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._known: dict[tuple[str, str], Changed] = {}
        self._changes_seen = 0
        house.store.subscribe(self._forget)

    def _forget(self, names: Sequence[str]) -> None:
        if not names or any(name.startswith(_CACHE_PREFIX) for name in names):
            self._known.clear()
            self._changes_seen += 1

    def is_known(self, account_id: str, region: str) -> bool:
        """Return whether what an account has changed in a Region is at hand."""
        return (account_id, region) in self._known

    async def know(self, account_id: str, region: str) -> Changed:
        """Return the rows of what an account has changed in a Region, by setting; they are at hand from then on."""
        place = (account_id, region)
        found = self._known.get(place)
        if found is None:
            changes_seen = self._changes_seen
            rows = await self._house.store.read(lambda connection: tables.select_settings(connection, *place))
            found = {row.setting_id: row for row in rows}
            if changes_seen == self._changes_seen:
                self._known[place] = found
        return found

    async def default_tier(self, account_id: str, region: str) -> str:
        """Return the tier of a parameter that names none."""
        row = (await self.know(account_id, region)).get(DEFAULT_TIER)
        return _DEFAULTS[DEFAULT_TIER] if row is None else row.value

    def has_high_throughput(self, account_id: str, region: str) -> bool:
        """Return whether an account pays for more requests in a Region, as far as `know` was asked before."""
        row = self._known.get((account_id, region), {}).get(HIGH_THROUGHPUT)
        return row is not None and row.value == "true"


def _setting_arn(call: Call, setting_id: str) -> str:
    return f"arn:{partition_of(call.region)}:ssm:{call.region}:{call.account_id}:servicesetting{setting_id}"


def _setting_id(call: Call) -> str:
    """Return the setting that a request names, by id or by ARN. Raises ServiceSettingNotFound."""
    given: str = call.params["SettingId"]
    if given.startswith("arn:"):
        arn = parse_arn(given)
        setting_id = arn.resource.removeprefix("servicesetting") if arn is not None else ""
        if given != _setting_arn(call, setting_id):
            raise errors.setting_not_found(given)
        return setting_id
    return given


def _on_setting(action: str) -> Needs:
    async def needs(call: Call) -> Sequence[Requirement]:
        setting_id = call.target = _setting_id(call)
        arn = _setting_arn(call, setting_id)
        return (Requirement(action=action, resource=arn, account_id=call.account_id),)

    return needs


def _known_setting(call: Call) -> str:
    setting_id: str = call.target
    if setting_id in _DEFAULTS:
        return setting_id
    if setting_id.startswith(_OF_OTHER_TOOLS):
        raise errors.unserved(f"the setting {setting_id}")
    raise errors.setting_not_found(setting_id)


def _shown(call: Call, setting_id: str, changed: Changed) -> dict[str, Any]:
    row = changed.get(setting_id)
    shown = {
        "SettingId": setting_id,
        "SettingValue": _DEFAULTS[setting_id] if row is None else row.value,
        "LastModifiedUser": "System" if row is None else row.modified_by,
        "ARN": _setting_arn(call, setting_id),
        "Status": "Default" if row is None else "Customized",
    }
    return shown if row is None else {**shown, "LastModifiedDate": as_datetime(row.modified_at)}


@operation(SSM, "GetServiceSetting", needs=_on_setting("ssm:GetServiceSetting"), reads_only=True)
async def get_service_setting(call: Call) -> Answer:
    """Tell a setting. Source: AWS Systems Manager API Reference, GetServiceSetting."""
    setting_id = _known_setting(call)
    changed = await call.house.part(ServiceSettings).know(call.account_id, call.region)
    return {"ServiceSetting": _shown(call, setting_id, changed)}


@operation(SSM, "UpdateServiceSetting", needs=_on_setting("ssm:UpdateServiceSetting"))
async def update_service_setting(call: Call) -> Answer:
    """Change a setting. Source: AWS Systems Manager API Reference, UpdateServiceSetting."""
    setting_id, value = _known_setting(call), call.params["SettingValue"]
    if value not in _VALUES[setting_id]:
        raise errors.validation(f"The value of {setting_id} has to be one of [{', '.join(_VALUES[setting_id])}].")
    values = {"value": value, "modified_at": call.now, "modified_by": call.caller.arn}
    return await _replace(call, setting_id, values, {})


@operation(SSM, "ResetServiceSetting", needs=_on_setting("ssm:ResetServiceSetting"))
async def reset_service_setting(call: Call) -> Answer:
    """Give a setting its default again. Source: AWS Systems Manager API Reference, ResetServiceSetting."""
    setting_id = _known_setting(call)
    return await _replace(call, setting_id, None, {"ServiceSetting": _shown(call, setting_id, {})})


async def _replace(call: Call, setting_id: str, values: Mapping[str, Any] | None, answer: Answer) -> Answer:
    def write(connection: Connection) -> Answer:
        tables.replace_setting(connection, call.account_id, call.region, setting_id, values)
        return answer

    return await call.write(write, invalidates=(f"{_CACHE_PREFIX}{call.account_id}/{call.region}",))
