internal import CLinux
package import Files
internal import Glibc
package import HostProtocol

/// What a host offers for runs.
package enum Doctor {
    package static func examine(_ lash: LASH) -> HostFacts {
        let capacity = Capacity.ofHost()
        let names = machineNames()
        let isRoot = geteuid() == 0
        var notes: [String] = []
        var (engine, reason) = (Engine.extraction, "only root may mount images")
        if isRoot {
            if let lack = lackForMounting {
                reason = lack
            } else {
                (engine, reason) = (.kernel, "root may mount images")
            }
        } else {
            notes.append("as root images would be mounted by the kernel, which needs no unpacking")
        }
        if let refusal = UserNamespaces.here.refusal {
            notes.append(
                isRoot
                    ? "user namespaces are refused here: tasks run as root without its capabilities"
                    : "no task can run here: \(refusal.description)")
        }
        return HostFacts(
            name: names.host, architecture: names.machine, kernel: names.kernel, cpus: capacity.cpus,
            memory: capacity.memory, freeDisk: Folder.freeDisk(at: lash.root), isRoot: isRoot, engine: engine.rawValue,
            reason: reason, notes: notes, load: load)
    }

    private static var lackForMounting: String? {
        let control = open("/dev/loop-control", O_RDWR | O_CLOEXEC)
        if control < 0 {
            return "there are no loop devices here (/dev/loop-control: \(String(cString: strerror(errno))))"
        }
        close(control)
        return nil
    }

    private static var load: Double? {
        var averages = [0.0]
        return getloadavg(&averages, 1) == 1 ? averages[0] : nil
    }

    private static func machineNames() -> (host: String, machine: String, kernel: String) {
        var names = utsname()
        guard uname(&names) == 0 else { return ("?", "?", "?") }
        func text<T>(_ field: T) -> String {
            withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        }
        return (text(names.nodename), text(names.machine), text(names.release))
    }
}
