"""The second factor of a request: the code of an MFA device, sent along with AssumeRole or GetSessionToken.

Source: IAM User Guide, "Secure API access with MFA".
"""

from strongroom.identities import mfa
from strongroom.operations.call import Call
from strongroom.operations.house import House
from strongroom.services.sts import errors
from strongroom.services.sts.access import is_user

# A code has a million values and is good for about a minute and a half, so guessing takes far longer than anybody has.
wrong_codes_max = 10
wrong_codes_seconds = 300.0
guessers_max = 10_000


class WrongCodes:
    """How many wrong codes each principal sent lately."""

    def __init__(self, house: House) -> None:
        self._wall = house.clock.wall
        self._sent: dict[str, list[float]] = {}

    def allow_one_more(self, principal_id: str) -> bool:
        """Return whether the principal may try another code now."""
        return len(self._lately(principal_id)) < wrong_codes_max

    def note(self, principal_id: str) -> None:
        """Note that the principal sent a wrong code, or is about to send one."""
        if len(self._sent) >= guessers_max:
            since = self._wall() - wrong_codes_seconds
            self._sent = {key: times for key, times in self._sent.items() if times[-1] > since}
        self._sent[principal_id] = [*self._lately(principal_id), self._wall()]

    def forget_one(self, principal_id: str) -> None:
        """Take back the last note: the code was right after all."""
        if times := self._sent.get(principal_id):
            times.pop()
            if not times:
                del self._sent[principal_id]

    def _lately(self, principal_id: str) -> list[float]:
        since = self._wall() - wrong_codes_seconds
        return [at for at in self._sent.get(principal_id, ()) if at > since]


async def proven_by_code(call: Call) -> bool:
    """Return whether the request has a code of the caller's own MFA device; False when it sends neither.

    The code is used up. Raises AccessDenied when it is wrong, when one of device and code is missing, or when the
    caller sent WRONG_CODES_MAX wrong ones within WRONG_CODES_SECONDS.
    """
    serial_number, code = call.params.get("SerialNumber"), call.params.get("TokenCode")
    if serial_number is None and code is None:
        return False
    if not serial_number or not code:
        raise errors.mfa_incomplete()
    if not is_user(call):
        raise errors.mfa_failed()
    house, caller = call.house, call.caller
    wrong_codes = house.part(WrongCodes)
    if not wrong_codes.allow_one_more(caller.user_id):
        raise errors.mfa_failed()
    # Noted before it is checked, so that many codes sent at the same time count as many.
    wrong_codes.note(caller.user_id)
    if not await mfa.check_code(house.store, house.sealer, caller.user_id, serial_number, code, house.clock.wall()):
        raise errors.mfa_failed()
    wrong_codes.forget_one(caller.user_id)
    return True
