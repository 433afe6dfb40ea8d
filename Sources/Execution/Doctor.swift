internal import CLinux
package import Files
internal import Glibc
package import HostProtocol

/// What a host offers for runs.
package enum Doctor {
    /// What can be told without trying anything: trying takes longer than all else that a connection begins with.
    package static func glance(_ lash: LASH) -> HostFacts {
        let (capacity, names) = (Capacity.ofHost(), machineNames())
        return HostFacts(
            name: names.host, architecture: names.machine, kernel: names.kernel, cpus: capacity.cpus,
            memory: capacity.memory, freeDisk: Folder.freeDisk(at: lash.root), isRoot: geteuid() == 0, load: load,
            gpus: capacity.gpus)
    }

    /// What is found out by trying, too.
    package static func examine(_ lash: LASH) -> HostFacts {
        let capacity = Capacity.ofHost()
        let names = machineNames()
        let isRoot = geteuid() == 0
        let (loop, fuse) = (KernelMounts.lack, FuseMounts.lack)
        let namespaces = Namespaces.refusal
        let canSeparate = (try? Namespaces.ofTasks()) != nil
        var (engine, lacks): (Engine, [String?]) =
            if loop == nil { (.kernel, []) } else if fuse == nil { (.fuse, [loop]) } else {
                (canSeparate ? .extraction : .proot, [loop, fuse])
            }
        var (notes, demanded): ([String], Engine?) = ([], nil)
        do throws(ExecutionFailure) {
            demanded = try EnginePolicy.demanded(in: lash)
            if let demanded {
                engine = demanded
                let lack: String? =
                    switch demanded {
                    case .kernel: loop
                    case .fuse: fuse
                    case .extraction: canSeparate ? nil : namespaces?.words
                    case .proot, .container: nil
                    }
                if let lack {
                    notes.append(
                        "no run can begin: the policy of this LASH demands the engine \(demanded.rawValue), but \(lack)"
                    )
                }
            }
        } catch { notes.append("no run can begin: \(error.description)") }
        if let namespaces {
            notes.append(
                canSeparate
                    ? "user namespaces are refused here: tasks run as root without its capabilities"
                    : "tasks are kept apart by PRoot only: \(namespaces.description)")
        }
        if let lack = HostGPUs.ofHost.lack { notes.append("tasks can't use the graphics processors: \(lack)") }
        return HostFacts(
            name: names.host, architecture: names.machine, kernel: names.kernel, cpus: capacity.cpus,
            memory: capacity.memory, freeDisk: Folder.freeDisk(at: lash.root), isRoot: isRoot, engine: engine.rawValue,
            reason: demanded == nil ? Ladder.reason(of: engine, lacks: lacks.compactMap { $0 }) : EnginePolicy.reason,
            notes: notes, load: load, gpus: capacity.gpus,
            offers: .init(
                loopDevices: loop, fuse: fuse, userNamespaces: namespaces.map { $0.cause ?? $0.summary },
                cgroups: cgroups, memoryLimits: memoryLimits, gpus: capacity.gpus))
    }

    private static var cgroups: String {
        if File.exists("/sys/fs/cgroup/cgroup.controllers") { return "v2" }
        return File.exists("/sys/fs/cgroup/memory") || File.exists("/sys/fs/cgroup/pids") ? "v1" : "none"
    }

    /// Why tasks can't be held to their memory by control groups; nil where they can.
    private static var memoryLimits: String? {
        do throws(ExecutionFailure) {
            _ = try ControlGroups()
            return nil
        } catch { return error.words }
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
