internal import Failures
internal import Files
internal import Glibc

/// Control groups in which the kernel holds tasks to the memory that they may use, where this user may make them: by version 1
/// as root, by version 2 as root or where a group with memory was handed on (a service or scope with `Delegate=yes`).
///
/// The groups of a run lie in one of its own, `las-PID-NUMBER`, below the group of this process; what is left of a killed one is removed by the
/// next.
final class ControlGroups: Sendable {
    /// As many processes and threads a task may have at once.
    static let mostProcesses: UInt64 = 16_384

    private let version: Version
    /// The run's own, that of memory first.
    let folders: [String]

    enum Version: Sendable { case one, two }

    /// - Throws: why there are none here.
    init() throws(ExecutionFailure) {
        guard let cgroups = try? File.read("/proc/self/cgroup", atMost: 1 << 20),
            let mounts = try? File.read("/proc/self/mountinfo", atMost: 1 << 22)
        else { throw ExecutionFailure("the kernel does not say which control group this is in") }
        let places = GroupPlaces(
            groups: String(decoding: cgroups, as: UTF8.self), mounts: String(decoding: mounts, as: UTF8.self))
        let name = "las-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        if let memory = places.memory {
            version = .one
            folders = ([memory] + [places.processes].compactMap(\.self)).map { "\($0)/\(name)" }
        } else if let place = places.unified.first(where: Self.handsOnMemory) {
            version = .two
            folders = ["\(place)/\(name)"]
        } else {
            throw ExecutionFailure(
                places.unified.isEmpty
                    ? "this machine has no control groups for memory" : "no control group with memory was handed on")
        }
        for folder in folders {
            Self.clear(File.parent(of: folder))
            if mkdir(folder, 0o755) != 0, errno != EEXIST {
                let code = errno
                removeAll()
                throw .system("this user may not make control groups", code: code)
            }
        }
        if version == .two, !Self.write("+memory +pids", to: folders[0] + "/cgroup.subtree_control"),
            !Self.write("+memory", to: folders[0] + "/cgroup.subtree_control")
        {
            removeAll()
            throw ExecutionFailure("the control group does not hand on memory")
        }
    }

    deinit { removeAll() }

    private func removeAll() {
        for folder in folders { rmdir(folder) }
    }

    private static func handsOnMemory(_ place: String) -> Bool {
        guard access(place, W_OK) == 0, access(place + "/cgroup.procs", W_OK) == 0,
            let names = try? File.read(place + "/cgroup.subtree_control", atMost: 4096)
        else { return false }
        return String(decoding: names, as: UTF8.self).split(whereSeparator: \.isWhitespace).contains("memory")
    }

    /// What processes left here that were killed.
    private static func clear(_ place: String) {
        for name in (try? Folder.names(in: place)) ?? [] where name.hasPrefix("las-") {
            guard let pid = Int32(name.dropFirst(4).prefix { $0 != "-" }), kill(pid, 0) != 0, errno == ESRCH else {
                continue
            }
            for inner in (try? Folder.names(in: "\(place)/\(name)")) ?? [] { rmdir("\(place)/\(name)/\(inner)") }
            rmdir("\(place)/\(name)")
        }
    }

    fileprivate static func write(_ text: String, to path: String) -> Bool {
        let file = open(path, O_WRONLY | O_CLOEXEC)
        if file < 0 { return false }
        defer { close(file) }
        return Glibc.write(file, text, text.utf8.count) == text.utf8.count
    }

    /// One for a task; nil where it can't be made.
    /// - Parameter memory: bytes.
    func group(_ number: UInt64, memory: Int64) -> ControlGroup? {
        let group = ControlGroup(folders.map { "\($0)/\(number)" }, version: version, memory: memory)
        return group.isWhole ? group : nil
    }
}

/// A task's own: it goes away with this value, when nothing runs in it any more.
final class ControlGroup {
    private let folders: [String]
    private let version: ControlGroups.Version
    private let memory: Int64
    /// Of its folders, for the launch.
    let descriptors: [Int32]

    fileprivate init(_ folders: [String], version: ControlGroups.Version, memory: Int64) {
        (self.folders, self.version, self.memory) = (folders, version, memory)
        descriptors = folders.map { folder in
            mkdir(folder, 0o755)
            return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        }
    }

    deinit {
        for descriptor in descriptors where descriptor >= 0 { close(descriptor) }
        for folder in folders {
            // The last process may be still on its way out.
            var tries = 50
            while rmdir(folder) != 0, errno == EBUSY, tries > 0 {
                usleep(2000)
                tries -= 1
            }
        }
    }

    fileprivate var isWhole: Bool {
        guard descriptors.allSatisfy({ $0 >= 0 }) else { return false }
        func write(_ value: String, _ file: String, _ number: Int = 0) -> Bool {
            ControlGroups.write(value, to: "\(folders[number])/\(file)")
        }
        let processes = "\(ControlGroups.mostProcesses)"
        switch version {
        case .one:
            guard write("\(memory)", "memory.limit_in_bytes") else { return false }
            // Not where the kernel does not count what is swapped out.
            _ = write("\(memory)", "memory.memsw.limit_in_bytes")
            if folders.count > 1 { _ = write(processes, "pids.max", 1) }
        case .two:
            guard write("\(memory)", "memory.max") else { return false }
            _ = write("0", "memory.swap.max")
            _ = write("1", "memory.oom.group")
            _ = write(processes, "pids.max")
        }
        return true
    }

    /// Whether the kernel has ended a process of it since it needed more than it may.
    var ranOutOfMemory: Bool {
        switch version {
        case .one:
            count("oom_kill", in: folders[0] + "/memory.oom_control") > 0
                // Otherwise it was the machine, or a group around, that had no more: not every kernel counts refusals.
                && max(number("memory.max_usage_in_bytes"), number("memory.memsw.max_usage_in_bytes"))
                    > Int(memory - memory / 16)
        case .two: count("oom_kill", in: folders[0] + "/memory.events") > 0
        }
    }

    /// Whether it was refused another process.
    var ranOutOfProcesses: Bool { count("max", in: (folders.last ?? "") + "/pids.events") > 0 }

    private func number(_ file: String) -> Int {
        let text = (try? File.read("\(folders[0])/\(file)", atMost: 4096)) ?? []
        return Int(String(decoding: text, as: UTF8.self).filter(\.isNumber)) ?? 0
    }

    private func count(_ name: String, in path: String) -> Int {
        let text = String(decoding: (try? File.read(path, atMost: 4096)) ?? [], as: UTF8.self)
        let line = text.split(separator: "\n").first { $0.hasPrefix(name + " ") }
        return line.flatMap { Int($0.dropFirst(name.count + 1)) } ?? 0
    }
}

/// Where control groups may be made, by what the kernel says of a process: /proc/self/cgroup and /proc/self/mountinfo.
struct GroupPlaces: Hashable {
    /// By version 1: the process's own groups.
    var memory: String?
    var processes: String?
    /// By version 2: the process's own, and those that it lies in, one after another.
    var unified: [String] = []

    init(groups: String, mounts: String) {
        // A control group by its controllers; version 2 has none named.
        var own: [String: String] = [:]
        for line in groups.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            for controller in fields[1].split(separator: ",", omittingEmptySubsequences: false) {
                own[String(controller)] = String(fields[2])
            }
        }
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard let dash = fields.firstIndex(of: "-") else { continue }
            let (mount, kind) = (fields[..<dash], Array(fields[(dash + 1)...]))
            guard mount.count > 4, kind.count > 2 else { continue }
            let (root, place) = (String(mount[3]), String(mount[4]))
            if kind[0] == "cgroup2", let path = own[""], unified.isEmpty {
                unified = Self.below(path, root, place).map { Self.upwards($0, to: place) } ?? []
            } else if kind[0] == "cgroup" {
                let controllers = kind[2].split(separator: ",")
                if controllers.contains("memory"), memory == nil {
                    memory = own["memory"].flatMap { Self.below($0, root, place) }
                }
                if controllers.contains("pids"), processes == nil {
                    processes = own["pids"].flatMap { Self.below($0, root, place) }
                }
            }
        }
    }

    /// - Returns: where a group lies; nil for one that is not to be seen by this mount.
    private static func below(_ path: String, _ root: String, _ place: String) -> String? {
        if root == "/" { return path == "/" ? place : place + path }
        if path == root { return place }
        return path.after(root + "/").map { "\(place)/\($0)" }
    }

    private static func upwards(_ path: String, to place: String) -> [String] {
        var paths = [path]
        while let last = paths.last, last != place, last.begins(with: place + "/") {
            paths.append(File.parent(of: last))
        }
        return paths
    }
}
