internal import Glibc

package enum Clock {
    /// Seconds since some moment; never set back.
    package static var monotonic: Double { seconds(CLOCK_MONOTONIC) }
    /// Seconds since 1970.
    package static var wall: Double { seconds(CLOCK_REALTIME) }

    private static func seconds(_ clock: clockid_t) -> Double {
        var now = timespec()
        clock_gettime(clock, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    }
}
