internal import CLinux
internal import Glibc

extension SandboxPlan {
    /// Starts the program; it runs when this returns.
    package func launch() throws(SandboxFailure) -> SandboxProcess { SandboxProcess(try launch(stays: false)) }

    /// Makes beforehand the network of their own that programs get whom this thread starts one after another: that takes as long as
    /// most of what else they get. Where it can't be, each gets one when it is started.
    /// - Parameter mayStay: the thread needs the machine's network for nothing.
    package static func prepareNetwork(mayStay: Bool) {
        if las_enter_network(mayStay ? 1 : 0) == 0 { las_leave_network() }
    }

    /// - Parameter stays: it starts no program, but those that it is asked for afterwards.
    func launch(stays: Bool) throws(SandboxFailure) -> las_launched {
        try check()
        var flags: UInt32 = 0
        let isInNetwork =
            namespaces.contains(.network) && sharesNetworkInTurn && dropsCapabilities
            && las_enter_network(mayStayInNetwork ? 1 : 0) == 0
        defer { if isInNetwork { las_leave_network() } }
        for namespace in namespaces where namespace != .network || !isInNetwork { flags |= namespace.flag }
        let sandbox = try gathered(flags: flags, stays: stays)
        defer { las_sandbox_free(sandbox) }
        var (launched, failure) = (las_launched(), las_launch_failure())
        guard las_sandbox_launch(sandbox, &launched, &failure) == 0 else { throw describe(failure) }
        return launched
    }

    /// - Returns: its program alone for C; the caller frees it.
    func gatheredProgram() throws(SandboxFailure) -> OpaquePointer {
        try check()
        guard let sandbox = las_sandbox_new(0) else { throw Self.outOfMemory }
        do throws(SandboxFailure) { try gatherProgram(into: sandbox) } catch {
            las_sandbox_free(sandbox)
            throw error
        }
        return sandbox
    }

    /// - Returns: the same for C; the caller frees it.
    private func gathered(flags: UInt32, stays: Bool = false) throws(SandboxFailure) -> OpaquePointer {
        guard let sandbox = las_sandbox_new(flags) else { throw Self.outOfMemory }
        if stays { las_sandbox_stays(sandbox, looksForWhatIsLeft ? 1 : 0) }
        do throws(SandboxFailure) { try gather(into: sandbox, fixesDevices: stays) } catch {
            las_sandbox_free(sandbox)
            throw error
        }
        return sandbox
    }

    /// Whether the kernel sees to `reach` (Landlock, Linux 5.13), and to signals and sockets too (6.12).
    package static var canLimitReach: (files: Bool, signals: Bool) {
        let version = las_reach_version()
        return (version >= 1, version >= 6)
    }

    /// Launches and waits for the end.
    package func run() throws(SandboxFailure) -> SandboxEnd {
        var process = try launch()
        return try process.wait()
    }

    private static let outOfMemory = SandboxFailure(.clone, "can't start a sandbox", code: ENOMEM)

    private func check() throws(SandboxFailure) {
        func fail(_ text: String) throws(SandboxFailure) -> Never { throw SandboxFailure(.plan, text) }
        if arguments.first ?? "" == "" { try fail("a sandbox needs a program to start") }
        if root != nil || !steps.isEmpty, !namespaces.contains(.mount) {
            try fail("a sandbox with a root or mounts of its own needs a mount namespace")
        }
        if steps.contains(where: { if case .proc = $0 { true } else { false } }), !namespaces.contains(.pid) {
            try fail("a sandbox with a /proc of its own needs a pid namespace")
        }
        for step in steps where !step.target.utf8.starts(with: "/".utf8) {
            try fail("“\(step.target)” is not an absolute path")
        }
        for (name, _) in environment where name.isEmpty || name.contains("=") {
            try fail("“\(name)” can't be the name of an environment variable")
        }
        let texts =
            arguments + (reach ?? []).map(\.path) + environment.flatMap { [$0.key, $0.value] } + steps.flatMap(\.paths)
            + [workFolder, root ?? "", over ?? ""]
        if texts.contains(where: { $0.utf8.contains(0) }) { try fail("a text of the sandbox holds a NUL byte") }
    }

    private func gather(into sandbox: OpaquePointer, fixesDevices: Bool) throws(SandboxFailure) {
        var failed = false
        func add(_ result: Int32) { failed = failed || result != 0 }
        if let root { add(las_sandbox_root(sandbox, root, rootIsReadOnly && over == nil ? 1 : 0)) }
        if let over { add(las_sandbox_over(sandbox, over)) }
        var made: [String] = []
        for step in steps {
            let makes = made.contains { step.target.utf8.starts(with: ($0 + "/").utf8) } ? Int32(1) : 0
            switch step {
            case .bind(let source, let target, let readOnly):
                add(las_sandbox_step(sandbox, LAS_STEP_BIND, source, target, 0, readOnly ? 1 : 0, makes))
            case .tmpfs(let target, let mode):
                add(las_sandbox_step(sandbox, LAS_STEP_TMPFS, nil, target, mode, 0, makes))
                made.append(target)
            case .proc(let target): add(las_sandbox_step(sandbox, LAS_STEP_PROC, nil, target, 0, 0, makes))
            case .devices(let target):
                add(las_sandbox_step(sandbox, LAS_STEP_DEVICES, nil, target, 0, fixesDevices ? 1 : 0, makes))
                made.append(target)
            case .device(let path): add(las_sandbox_step(sandbox, LAS_STEP_DEVICE, path, path, 0, 0, makes))
            case .folder(let target, let mode):
                add(las_sandbox_step(sandbox, LAS_STEP_FOLDER, nil, target, mode, 0, makes))
            case .link(let target, let to): add(las_sandbox_step(sandbox, LAS_STEP_LINK, to, target, 0, 0, makes))
            }
        }
        for reach in reach ?? [] { add(las_sandbox_reach(sandbox, reach.path, reach.isWritable ? 1 : 0)) }
        if hasKeeper { las_sandbox_keeper(sandbox, filter == .traced(network: true) ? 1 : 0) }
        if let program = filter.program { add(las_sandbox_filter(sandbox, program, program.count)) }
        for group in groups { add(las_sandbox_group(sandbox, group)) }
        for limit in limits { add(las_sandbox_limit(sandbox, limit.resource, limit.value)) }
        try gatherProgram(into: sandbox)
        if let hostName { add(las_sandbox_host_name(sandbox, hostName)) }
        add(las_sandbox_work_folder(sandbox, workFolder))
        las_sandbox_modes(sandbox, dropsCapabilities ? 1 : 0, umask)
        if failed { throw Self.outOfMemory }
    }

    private func gatherProgram(into sandbox: OpaquePointer) throws(SandboxFailure) {
        var failed = false
        func add(_ result: Int32) { failed = failed || result != 0 }
        for path in programs { add(las_sandbox_program(sandbox, path)) }
        for argument in arguments { add(las_sandbox_argument(sandbox, argument)) }
        for (name, value) in environment.sorted(by: { $0.key < $1.key }) {
            add(las_sandbox_variable(sandbox, "\(name)=\(value)"))
        }
        las_sandbox_streams(sandbox, standardInput ?? -1, standardOutput ?? -1, standardError ?? -1)
        if failed { throw Self.outOfMemory }
    }

    /// The places where the program may be, in the order in which they are tried.
    private var programs: [String] {
        let name = arguments[0]
        if name.contains("/") { return [name] }
        let path = environment["PATH"] ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return path.split(separator: ":").filter { $0.hasPrefix("/") }.map { "\($0)/\(name)" }
    }

    func describe(_ failure: las_launch_failure) -> SandboxFailure {
        let (stage, summary): (SandboxFailure.Stage, String) =
            switch las_stage(UInt32(failure.stage)) {
            case LAS_STAGE_GROUP: (.group, "can't put the sandbox into its control group")
            case LAS_STAGE_DESCRIPTORS: (.descriptors, "can't give the program its input and outputs")
            case LAS_STAGE_USER_MAP: (.userMap, "can't map the user into the sandbox")
            case LAS_STAGE_PROPAGATION: (.mounts, "can't separate the sandbox's mounts from the machine's")
            case LAS_STAGE_ROOT: (.root, "can't make \(root ?? "/") the root of the sandbox")
            case LAS_STAGE_OVER: (.root, "can't make \(root ?? "/") writable for the sandbox alone")
            case LAS_STAGE_STEP: describe(step: steps[Int(failure.index)])
            case LAS_STAGE_PIVOT: (.pivot, "can't change to the sandbox's root \(root ?? "/")")
            case LAS_STAGE_HOST_NAME: (.hostName, "can't set the sandbox's host name")
            case LAS_STAGE_LIMIT:
                (
                    .limit,
                    "can't set the limit \(limits[Int(failure.index)].resource) to \(limits[Int(failure.index)].value)"
                )
            case LAS_STAGE_WORK_FOLDER: (.workFolder, "can't go to \(workFolder) in the sandbox")
            case LAS_STAGE_PRIVILEGES: (.privileges, "can't give up privileges in the sandbox")
            case LAS_STAGE_FILTER: (.filter, "can't filter the sandbox's system calls")
            case LAS_STAGE_EXEC: (.program, "can't start \(arguments[0])")
            default: (.clone, "can't start a sandbox")
            }
        return SandboxFailure(stage, summary, code: failure.error)
    }

    private func describe(step: Step) -> (SandboxFailure.Stage, String) {
        let text =
            switch step {
            case .bind(let source, let target, _): "can't show \(source) at \(target) in the sandbox"
            case .tmpfs(let target, _): "can't mount a tmpfs at \(target) in the sandbox"
            case .proc(let target): "can't mount proc at \(target) in the sandbox"
            case .devices(let target): "can't make the devices at \(target) in the sandbox"
            case .device(let path): "can't show the device \(path) in the sandbox"
            case .folder(let target, _): "can't make the folder \(target) in the sandbox"
            case .link(let target, _): "can't make the link \(target) in the sandbox"
            }
        return (.step(step), text)
    }
}

extension SandboxPlan.Step {
    package var target: String {
        switch self {
        case .bind(_, let target, _), .tmpfs(let target, _), .proc(let target), .devices(let target),
            .folder(let target, _), .link(let target, _), .device(let target):
            target
        }
    }

    fileprivate var paths: [String] {
        switch self {
        case .bind(let source, let target, _): [source, target]
        case .link(let target, let to): [target, to]
        default: [target]
        }
    }
}

extension SandboxPlan.Namespace {
    fileprivate var flag: UInt32 {
        switch self {
        case .user: LAS_NAMESPACE_USER.rawValue
        case .mount: LAS_NAMESPACE_MOUNT.rawValue
        case .pid: LAS_NAMESPACE_PID.rawValue
        case .ipc: LAS_NAMESPACE_IPC.rawValue
        case .uts: LAS_NAMESPACE_UTS.rawValue
        case .network: LAS_NAMESPACE_NETWORK.rawValue
        }
    }
}

extension SandboxPlan.Filter {
    fileprivate var program: [las_filter_instruction]? {
        switch self {
        case .none: nil
        case .build: Self.buildProgram
        case .task: Self.taskProgram
        case .traced(let network): Self.make { las_filter_traced($0, network ? 1 : 0) }
        }
    }

    private static let buildProgram = make(las_filter_build)
    private static let taskProgram = make(las_filter_task)

    private static func make(_ write: (UnsafeMutablePointer<las_filter_instruction>?) -> Int)
        -> [las_filter_instruction]
    {
        Array(unsafeUninitializedCapacity: Int(LAS_FILTER_LARGEST)) { buffer, count in
            guard let start = buffer.baseAddress else { return }
            count = write(start)
            precondition(count <= LAS_FILTER_LARGEST, "the filters are of fixed length")
        }
    }
}
