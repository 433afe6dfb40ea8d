// swift-tools-version: 6.0
import PackageDescription

/// What every Swift target is built with.
let swift: [SwiftSetting] = [.swiftLanguageMode(.v6)]

/// A system C library, found by pkg-config, as a module of its own; one Swift target imports it.
func library(_ name: String, _ pkgConfig: String, debian: String) -> Target {
    .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([debian])])
}

/// A Swift target in `Sources/NAME`.
func room(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: swift)
}

/// The tests of a target, in `Tests/NAMETests`.
func tests(of name: String, _ more: [Target.Dependency] = [], beside: [String] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.byName(name: name), "TestSupport"] + more, exclude: beside,
        swiftSettings: swift)
}

let package = Package(
    name: "las",
    products: [
        .executable(name: "las", targets: ["las"]),
        .executable(name: "las-runtime", targets: ["las-runtime"]),
        .executable(name: "las-conductor", targets: ["las-conductor"]),
    ],
    targets: [
        // MARK: C libraries, one importer each, save zstd, libarchive and curl: what writes and what reads
        library("CYaml", "yaml-0.1", debian: "libyaml-dev"),
        library("CJansson", "jansson", debian: "libjansson-dev"),
        library("CCrypto", "libcrypto", debian: "libssl-dev"),
        library("CSsl", "libssl", debian: "libssl-dev"),
        library("CZstd", "libzstd", debian: "libzstd-dev"),
        library("CSquashfs", "libsquashfs1", debian: "libsquashfs-dev"),
        library("CArchive", "libarchive", debian: "libarchive-dev"),
        library("CSodium", "libsodium", debian: "libsodium-dev"),
        library("CSsh2", "libssh2", debian: "libssh2-1-dev"),
        library("CFuse", "fuse3", debian: "libfuse3-dev"),
        library("CCurl", "libcurl", debian: "libcurl4-openssl-dev"),
        .systemLibrary(name: "CSolv", pkgConfig: "libsolvext", providers: [.apt(["libsolv-dev", "libsolvext-dev"])]),
        // Namespaces, mounts, clone3, seccomp: the system calls that Swift's Glibc module lacks.
        .target(name: "CLinux"),
        // A folder shown at another place by FUSE.
        .target(name: "CMount", dependencies: ["CFuse"]),

        // MARK: Ground, shared by las and the runtime, free of Foundation
        // errors and foreign text as people see them, exit codes
        room("Failures", []),
        // JSON text to values and back, sorted keys
        room("JSON", ["CJansson", "Failures"]),
        // SHA-256 digests
        room("Digests", ["CCrypto"]),
        // work on several threads, without a pool
        room("Threads", ["Failures"]),
        // LASH's layout; files written whole or not at all
        room("Files", ["CLinux", "Failures"]),

        // MARK: What is to be done: pure
        // reader, model, diagnostics, schema
        room("Metro", ["CYaml", "JSON", "Files", "Failures"]),
        // stations to tasks
        room("Plan", ["Metro", "JSON", "Digests", "Files", "Failures"]),

        // MARK: What it is made of
        // a layer's tree and its list of entries
        room("Layers", ["Digests", "Threads", "Files", "Failures"]),
        // parts, extents, index, identity; reading a bundle
        room("Parts", ["Digests", "JSON", "Threads", "Files", "Failures"]),

        // Ed25519 keys, signatures of bundles, whose are trusted; texts sealed by a key
        room("Signatures", ["CSodium", "Parts", "Digests", "JSON", "Files", "Failures"]),

        // MARK: How machines talk
        // frames, messages, run events
        room("HostProtocol", ["JSON", "Digests", "Parts", "Plan", "Failures"]),

        // what stations may know and nobody else, sealed in LASH
        room("Secrets", ["Signatures", "Digests", "JSON", "Files", "Failures"]),

        // MARK: Packing
        // needs, lock, layers, store
        room(
            "Depot",
            [
                "CSolv", "CArchive", "CCurl", "Metro", "Layers", "Sandbox", "Threads", "Digests", "JSON", "Files",
                "Failures",
            ]),
        // images and the bundle file
        room(
            "Bundle",
            ["CSquashfs", "CZstd", "CArchive", "Layers", "Parts", "Threads", "Digests", "JSON", "Files", "Failures"]),

        // MARK: What stations share
        // the map of a workspace, how versions come together, its folder on a disk
        room("Workspaces", ["CLinux", "Parts", "Threads", "JSON", "Digests", "Files", "Failures"]),

        // a folder on an FTP server that holds them, too
        room("FTP", ["CCurl", "Workspaces", "Metro", "Digests", "Files", "Failures"]),

        // MARK: Running
        // namespaces and mounts as a plan, and its launch
        room("Sandbox", ["CLinux", "Failures"]),
        // an image read without the kernel, served to it by FUSE
        room("Unpacking", ["CZstd", "CLinux", "Digests", "Threads", "Files", "Failures"]),
        // ladder, scheduler, journal
        room(
            "Execution",
            [
                "Metro", "Plan", "Parts", "HostProtocol", "Workspaces", "Sandbox", "Unpacking", "CLinux", "Threads",
                "Digests",
                "JSON",
                "Files",
                "Failures",
            ]),

        // inside a cluster: its server, and what is released when
        room("Cluster", ["CSsl", "Execution", "HostProtocol", "Plan", "JSON", "Files", "Failures"]),

        // MARK: What LASH holds
        // shown, checked, carried to another machine, cleared up
        room(
            "Store",
            [
                "Depot", "Bundle", "Execution", "Unpacking", "Layers", "Parts", "HostProtocol", "Threads", "Digests",
                "JSON", "Files", "Failures",
            ]),

        // MARK: Reaching hosts
        // ssh, host list, shipping
        room("Hosts", ["CSsh2", "HostProtocol", "Parts", "Unpacking", "Threads", "Digests", "Files", "Failures"]),

        // MARK: Reaching registries
        // images pushed and pulled by the OCI distribution protocol
        room("Registry", ["CCurl", "Threads", "Digests", "JSON", "Files", "Failures"]),

        // MARK: Other engines
        // a folder for each: what its own tools take
        room("Engines", ["CLinux", "Plan", "HostProtocol", "Metro", "JSON", "Digests", "Files", "Failures"]),

        // MARK: las
        // progress, tables, diagnostics
        room("Terminal", ["Metro", "Plan", "HostProtocol", "JSON", "Files", "Failures"]),
        // a plan as a subway map: laid out once, drawn as text and as a picture
        room("Map", ["Terminal", "Metro", "Plan", "JSON", "Failures"]),
        room(
            "Commands",
            [
                "Map", "Terminal", "Metro", "Plan", "Store", "Depot", "Bundle", "Execution", "Unpacking", "Layers",
                "Parts",
                "Signatures",
                "Secrets", "Workspaces", "FTP",
                "Hosts", "Registry", "Engines",
                "HostProtocol",
                "CLinux", "CMount",
                "Digests",
                "JSON", "Files", "Threads", "Failures",
            ]),
        .executableTarget(name: "las", dependencies: ["Commands"], swiftSettings: swift),

        // MARK: The static headless runtime
        .executableTarget(
            name: "las-runtime",
            dependencies: [
                "Engines", "Execution", "HostProtocol", "Plan", "Parts", "Signatures", "Unpacking", "JSON", "Digests",
                "Files",
                "Failures", "Threads",
            ],
            path: "runtime",
            swiftSettings: swift + [.unsafeFlags(["-static-stdlib"], .when(configuration: .release))],
            linkerSettings: [
                .unsafeFlags(
                    ["-static-executable", "-use-ld=lld", "-Xlinker", "--gc-sections", "-Xlinker", "-s"],
                    .when(configuration: .release))
            ]),

        // MARK: What releases the Jobs of a run in a cluster, static too
        .executableTarget(
            name: "las-conductor",
            dependencies: ["Cluster", "Execution", "HostProtocol", "JSON", "Digests", "Files", "Failures"],
            path: "conductor",
            swiftSettings: swift + [.unsafeFlags(["-static-stdlib"], .when(configuration: .release))],
            linkerSettings: [
                .unsafeFlags(
                    ["-static-executable", "-use-ld=lld", "-Xlinker", "--gc-sections", "-Xlinker", "-s"],
                    .when(configuration: .release))
            ]),

        // MARK: Tests mirror Sources
        .target(name: "CTestSupport", path: "Tests/CSupport"),
        .target(
            name: "TestSupport", dependencies: ["CTestSupport", "Threads", "Files"], path: "Tests/Support",
            swiftSettings: swift),
        tests(of: "JSON"),
        tests(of: "Digests"),
        tests(of: "Files"),
        tests(of: "Threads"),
        tests(of: "Metro", ["JSON", "Files"], beside: ["Wrong", "Schema"]),
        tests(of: "Plan", ["Metro", "Digests", "JSON", "Files", "Failures"], beside: ["Explained"]),
        tests(of: "Layers"),
        tests(of: "Parts"),
        tests(of: "Signatures", ["Parts", "Digests", "Files"]),
        tests(of: "Secrets", ["Files", "Failures"]),
        tests(of: "HostProtocol", ["Plan", "Digests", "Failures"]),
        tests(of: "Depot", ["Metro", "Layers", "Sandbox", "Digests", "Files", "Failures"]),
        tests(of: "Bundle", ["JSON", "Signatures"]),
        tests(of: "Sandbox", ["Files"]),
        tests(of: "Unpacking", ["CLinux", "Threads", "Files"]),
        tests(
            of: "Execution",
            ["Plan", "Metro", "Parts", "HostProtocol", "Signatures", "Threads", "JSON", "Digests", "Files", "Failures"]),
        tests(of: "Store", ["Depot", "Bundle", "Layers", "Parts", "Metro", "Digests", "JSON", "Files", "Failures"]),
        tests(of: "Workspaces", ["CLinux", "Threads", "JSON", "Digests", "Files", "Failures"]),
        tests(of: "FTP", ["Workspaces", "Metro", "Threads", "Digests", "Files", "Failures"]),
        tests(of: "Hosts", ["HostProtocol", "Parts", "Digests", "Files", "Failures"]),
        tests(of: "Registry", ["Digests", "JSON", "Files", "Failures"]),
        tests(of: "Engines", ["Plan", "Metro", "Files", "Failures"], beside: ["Manifests"]),
        tests(of: "Terminal", ["Files"]),
        tests(of: "Map", ["Terminal", "Metro", "Plan", "Failures", "Files"], beside: ["Maps"]),
        tests(of: "Commands"),
        // The built programs, as a user runs them.
        .testTarget(
            name: "EndToEndTests", dependencies: ["TestSupport", "Files", "JSON", "Digests", "Parts", "Threads"],
            exclude: ["Shells", "GPU"],
            swiftSettings: swift),
    ]
)

// MARK: Fuzzing: `scripts/fuzz` sets LAS_FUZZ, and builds this one alone, instrumented
if Context.environment["LAS_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "fuzz-frames",
            dependencies: [
                "CLinux", "Execution", "Hosts", "HostProtocol", "Workspaces", "Plan", "Parts", "Digests", "Files",
            ],
            path: "Tests/Fuzz", swiftSettings: swift + [.unsafeFlags(["-parse-as-library"])],
            linkerSettings: [.unsafeFlags(["-use-ld=lld"])]))
}
