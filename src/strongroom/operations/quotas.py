"""Request quotas: the place where every call takes from the bucket that its operation declares.

Nothing is limited until a limit is set; what was taken is counted, per quota, for the metrics.
"""

from strongroom.base.clock import Clock


class TokenBucket:
    """A bucket that holds at most one second's worth of requests and refills continuously.

    `rate` is in requests a second. Times are seconds of the wall clock.
    """

    __slots__ = ("_filled_at", "_tokens", "rate")

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate
        self._tokens = rate
        self._filled_at = now

    def take(self, now: float) -> bool:
        """Take one request's token; False when the bucket is empty."""
        self._tokens = min(self.rate, self._tokens + max(0.0, now - self._filled_at) * self.rate)
        self._filled_at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


class Quotas:
    """Token buckets per account, Region and quota. Limits are requests a second, by quota name."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._limits: dict[str, float] = {}
        self._buckets: dict[tuple[str, str, str], TokenBucket] = {}
        self.taken: dict[str, int] = {}

    def limit(self, quota: str, requests_per_second: float) -> None:
        """Set the limit of a quota, for every account and Region. Raises ValueError below one a second."""
        if requests_per_second < 1:
            raise ValueError("a request quota is at least one request a second")
        self._limits[quota] = requests_per_second
        self._buckets = {key: bucket for key, bucket in self._buckets.items() if key[2] != quota}

    def take(self, quota: str, account_id: str, region: str) -> bool:
        """Count one request; False when the quota of this account and Region is used up."""
        self.taken[quota] = self.taken.get(quota, 0) + 1
        rate = self._limits.get(quota)
        if rate is None:
            return True
        key = (account_id, region, quota)
        now = self._clock.wall()
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(rate, now)
        return bucket.take(now)
