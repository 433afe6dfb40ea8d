internal import Glibc

/// The time since this machine was started: within it, whatever was written can be read, synced or not.
package enum MachineStart {
    /// The machine's name and its kernel's number for this start.
    package static let mark: [UInt8] = {
        var information = utsname()
        uname(&information)
        let name = withUnsafeBytes(of: information.nodename) { Array($0.prefix { $0 != 0 }) }
        return name + [UInt8(ascii: " ")] + ((try? File.read("/proc/sys/kernel/random/boot_id")) ?? [])
    }()

    /// When that was, in nanoseconds since 1970.
    package static let time: Int64 = {
        func nanoseconds(_ clock: clockid_t) -> Int64 {
            var time = timespec()
            clock_gettime(clock, &time)
            return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
        }
        return nanoseconds(CLOCK_REALTIME) - nanoseconds(CLOCK_BOOTTIME)
    }()

    /// Other machines that share this LASH look after their own: what they wrote was on the server when they closed it.
    package static func isThis(_ other: [UInt8]) -> Bool {
        let blank = UInt8(ascii: " ")
        return other == mark || !other.prefix { $0 != blank }.elementsEqual(mark.prefix { $0 != blank })
    }
}
