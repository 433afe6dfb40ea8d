internal import Files
internal import Glibc
internal import Sandbox

/// The graphics processors of a host, NVIDIA's: their devices, and the libraries of their driver, which have to be the host's own.
///
/// Told by names and texts alone, so that it can be told of any host.
struct HostGPUs: Hashable, Sendable {
    struct Device: Hashable, Sendable {
        /// `/dev/nvidia0`.
        let node: String
        /// `GPU-…`, by which programs find it whatever else they see; nil where the driver does not say.
        let name: String?
    }

    struct Library: Hashable, Sendable {
        /// As programs ask for it: `libcuda.so.1`.
        let name: String
        let path: String
    }

    /// In the order of their numbers.
    let devices: [Device]
    /// What every program needs that uses one of them: `/dev/nvidiactl`.
    let nodes: [String]
    let libraries: [Library]
    /// `nvidia-smi`, which belongs to the driver as the libraries do; nil where there is none.
    let program: String?

    /// Where a task finds the libraries. No station's name begins with a dot.
    static let place = "/.las/made/.nvidia"
    private static let programs = place + "/bin"

    /// - Parameters:
    ///   - names: what is in /dev.
    ///   - information: what the driver says of each device, /proc/driver/nvidia/gpus/*/information.
    ///   - libraries: all that the host's loader knows.
    ///   - program: where the host has `nvidia-smi`.
    ///   - allowed: what `CUDA_VISIBLE_DEVICES` says where the runtime itself was given some of them, as Slurm does: numbers or names;
    ///     nil for all.
    init(
        names: [String], information: [String], libraries: [Library], program: String? = nil, allowed: String? = nil
    ) {
        var known: [Int: String] = [:]
        for text in information {
            func value(_ key: String) -> String? {
                let line = text.split(separator: "\n").first { $0.hasPrefix(key + ":") }
                return line.map { String($0.dropFirst(key.count + 1).drop { $0 == " " || $0 == "\t" }) }
            }
            guard let number = value("Device Minor").flatMap({ Int($0) }), let name = value("GPU UUID") else {
                continue
            }
            // As long as the driver is not awake it says GPU-????????-…
            if name.hasPrefix("GPU-"), !name.contains("?") { known[number] = name }
        }
        let numbers = names.compactMap { name in name.after("nvidia").flatMap { UInt16($0) }.map(Int.init) }.sorted()
        let all = numbers.map { Device(node: "/dev/nvidia\($0)", name: known[$0]) }
        let words = allowed.map { $0.split(separator: ",").map { $0.filter { $0 != " " } } }
        devices = all.enumerated().filter { number, device in
            words?.contains { $0 == "\(number)" || !$0.isEmpty && device.name?.hasPrefix($0) == true } ?? true
        }.map(\.element)
        nodes = ["nvidia-modeset", "nvidia-uvm", "nvidia-uvm-tools", "nvidiactl"].filter(names.contains).map {
            "/dev/\($0)"
        }
        self.program = program
        let beginnings = ["libcuda.so", "libcudadebugger.so", "libnvidia-", "libnvcuvid.so", "libnvoptix.so"]
        var seen = Set<String>()
        self.libraries = libraries.filter { library in
            // The first one is the one that the loader takes.
            beginnings.contains { library.name.hasPrefix($0) } && !library.name.contains("/")
                && library.path.hasPrefix("/") && seen.insert(library.name).inserted
        }
    }

    static let none = HostGPUs(names: [], information: [], libraries: [])

    static var ofHost: HostGPUs {
        // Without it no program gets to any of them.
        if !File.exists("/dev/nvidiactl") { return none }
        let names = ((try? Folder.names(in: "/dev")) ?? []).filter { $0.hasPrefix("nvidia") }
        if names.isEmpty { return none }
        let driver = "/proc/driver/nvidia/gpus"
        let information = ((try? Folder.names(in: driver)) ?? []).compactMap { name in
            try? String(decoding: File.read("\(driver)/\(name)/information", atMost: 1 << 16), as: UTF8.self)
        }
        let cache = (try? File.read("/etc/ld.so.cache", atMost: 64 << 20)) ?? []
        func list(_ name: String) -> [String] {
            getenv(name).map { String(cString: $0).split(separator: ":").map(String.init) } ?? []
        }
        let folders = list("LD_LIBRARY_PATH") + elsewhere
        let programs = list("PATH") + ["/usr/bin", "/usr/local/nvidia/bin"]
        return HostGPUs(
            names: names, information: information,
            libraries: LoaderCache.libraries(cache) + folders.flatMap { LoaderCache.libraries(in: $0) },
            program: programs.map { $0 + "/nvidia-smi" }.first { $0.hasPrefix("/") && access($0, X_OK) == 0 },
            allowed: getenv("CUDA_VISIBLE_DEVICES").map { String(cString: $0) })
    }

    /// Where hosts have the driver of which their loader knows nothing: those whose system is an image that is never changed.
    private static let elsewhere = ["/usr/local/nvidia/lib64", "/run/opengl-driver/lib"]

    /// Why tasks can't use those that are there; nil where they can, and where none is.
    var lack: String? {
        if devices.isEmpty { return nil }
        if libraries.contains(where: { $0.name == "libcuda.so.1" }) { return nil }
        return
            "the library of their driver, libcuda.so.1, is neither among those that the loader knows (ldconfig) nor in LD_LIBRARY_PATH"
    }

    /// How many tasks can have.
    var count: Int { lack == nil ? devices.count : 0 }

    // MARK: For a task

    /// What it sees of them; to be done after its devices are made.
    func steps(_ own: [Int]) -> [SandboxPlan.Step] {
        if own.isEmpty { return [] }
        let shown =
            libraries.map { ($0.path, "\(Self.place)/\($0.name)") }
            + [program].compactMap(\.self).map { ($0, Self.programs + "/nvidia-smi") }
        return shown.map { .bind(source: $0, target: $1, readOnly: true) }
            + (nodes + own.map { devices[$0].node }).map { .device($0) }
    }

    /// - Parameter variables: the task's own.
    func variables(_ own: [Int], beside variables: [String: String]) -> [String: String] {
        if own.isEmpty { return [:] }
        let names = own.compactMap { devices[$0].name }
        // Programs count only those that they see.
        let seen = names.count == own.count ? names : own.indices.map(String.init)
        let path = [variables["PATH"] ?? TaskSandbox.path, Self.programs].joined(separator: ":")
        return [
            "CUDA_VISIBLE_DEVICES": seen.joined(separator: ","), "PATH": path,
            "LD_LIBRARY_PATH": ([Self.place] + [variables["LD_LIBRARY_PATH"]].compactMap(\.self)).joined(
                separator: ":"),
        ]
    }
}

/// `/etc/ld.so.cache`: where the loader finds libraries by their names.
enum LoaderCache {
    #if arch(arm64)
        private static let own = 0x0a03
    #else
        private static let own = 0x0303
    #endif

    /// Those that a folder holds, for the folders of which the cache does not know.
    static func libraries(in folder: String) -> [HostGPUs.Library] {
        guard folder.hasPrefix("/"), let names = try? Folder.names(in: folder) else { return [] }
        return names.sorted().filter { $0.hasPrefix("lib") && $0.split(separator: ".").contains("so") }.map {
            HostGPUs.Library(name: $0, path: "\(folder)/\($0)")
        }
    }

    /// Those of this kind of machine, in the loader's order; none where the bytes are no cache.
    static func libraries(_ bytes: [UInt8]) -> [HostGPUs.Library] {
        func number(_ place: Int) -> Int {
            guard place >= 0, place + 4 <= bytes.count else { return 0 }
            return bytes[place..<place + 4].reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        func text(_ place: Int) -> String? {
            guard place >= 0, place < bytes.count, let end = bytes[place...].firstIndex(of: 0) else { return nil }
            return String(decoding: bytes[place..<end], as: UTF8.self)
        }
        var start = 0
        // An older form may stand before it.
        if bytes.starts(with: "ld.so-1.7.0".utf8) { start = (16 + 12 * number(12) + 7) / 8 * 8 }
        guard start < bytes.count, bytes[start...].starts(with: "glibc-ld.so.cache1.1".utf8) else { return [] }
        let count = min(number(start + 20), (bytes.count - start) / 24)
        return (0..<max(0, count)).compactMap { index in
            let entry = start + 48 + 24 * index
            guard number(entry) & 0xffff == own, let name = text(start + number(entry + 4)),
                let path = text(start + number(entry + 8))
            else { return nil }
            return HostGPUs.Library(name: name, path: path)
        }
    }
}
