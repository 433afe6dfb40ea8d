import Files
import Sandbox
import TestSupport
import Testing

@testable import Execution

/// What a task sees of graphics processors, told of made-up hosts: there are none where the tests run.
@Suite struct HostGPUsTests {
    private static let libraries = [
        HostGPUs.Library(name: "libcuda.so.1", path: "/usr/lib/x86_64-linux-gnu/libcuda.so.1"),
        .init(name: "libcuda.so.1", path: "/opt/old/libcuda.so.1"),
        .init(name: "libnvidia-ml.so.1", path: "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1"),
        .init(name: "libc.so.6", path: "/lib/x86_64-linux-gnu/libc.so.6"),
    ]
    private static let names = ["nvidia0", "nvidia1", "nvidia10", "nvidia-caps", "nvidia-uvm", "nvidiactl"]

    private static func information(_ number: Int, _ name: String) -> String {
        "Model: \t\t NVIDIA H100 80GB HBM3\nGPU UUID: \t \(name)\nBus Location: \t 0000:0\(number):00.0\nDevice Minor: \t \(number)\n"
    }

    @Test func eachTaskSeesItsOwnDevicesAndTheDriversLibraries() {
        let host = HostGPUs(
            names: Self.names,
            information: [Self.information(1, "GPU-b"), Self.information(0, "GPU-a"), Self.information(10, "GPU-c")],
            libraries: Self.libraries)
        #expect(host.count == 3 && host.lack == nil)
        #expect(host.devices.map(\.node) == ["/dev/nvidia0", "/dev/nvidia1", "/dev/nvidia10"])
        #expect(
            host.steps([1, 2]) == [
                .bind(
                    source: "/usr/lib/x86_64-linux-gnu/libcuda.so.1", target: "/.las/made/.nvidia/libcuda.so.1",
                    readOnly: true),
                .bind(
                    source: "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1",
                    target: "/.las/made/.nvidia/libnvidia-ml.so.1",
                    readOnly: true),
                .device("/dev/nvidia-uvm"), .device("/dev/nvidiactl"), .device("/dev/nvidia1"),
                .device("/dev/nvidia10"),
            ])
        #expect(
            host.variables([1, 2], beside: ["LD_LIBRARY_PATH": "/opt/lib"]) == [
                "CUDA_VISIBLE_DEVICES": "GPU-b,GPU-c", "LD_LIBRARY_PATH": "/.las/made/.nvidia:/opt/lib",
                "PATH": TaskSandbox.path + ":/.las/made/.nvidia/bin",
            ])
        // A task that asks for none sees nothing of them.
        #expect(host.steps([]).isEmpty && host.variables([], beside: [:]).isEmpty)
    }

    @Test func aTaskSeesTheDriversOwnProgramToo() {
        let host = HostGPUs(
            names: Self.names, information: [], libraries: Self.libraries, program: "/opt/driver/nvidia-smi")
        #expect(
            host.steps([0]).contains(
                .bind(
                    source: "/opt/driver/nvidia-smi", target: "/.las/made/.nvidia/bin/nvidia-smi", readOnly: true)))
        #expect(host.variables([0], beside: ["PATH": "/opt/bin"])["PATH"] == "/opt/bin:/.las/made/.nvidia/bin")
    }

    @Test func librariesOfWhichTheLoaderKnowsNothingAreFoundInTheirFolder() throws {
        try withScratch { folder in
            for name in ["libcuda.so.1", "libcuda.so", "notes.txt", "libold.a"] {
                try File.write("", to: "\(folder)/\(name)")
            }
            let found = LoaderCache.libraries(in: folder)
            #expect(found.map(\.name) == ["libcuda.so", "libcuda.so.1"])
            #expect(found.map(\.path) == ["\(folder)/libcuda.so", "\(folder)/libcuda.so.1"])
            #expect(LoaderCache.libraries(in: folder + "/missing").isEmpty && LoaderCache.libraries(in: ".").isEmpty)
        }
    }

    @Test func ofAHostOnlyThoseAreUsedThatTheRuntimeWasGiven() {
        func nodes(_ allowed: String) -> [String] {
            HostGPUs(
                names: Self.names, information: [Self.information(1, "GPU-b42f")], libraries: Self.libraries,
                allowed: allowed
            ).devices.map(\.node)
        }
        #expect(nodes("0,2") == ["/dev/nvidia0", "/dev/nvidia10"])
        #expect(nodes("GPU-b42f") == ["/dev/nvidia1"])
        #expect(nodes("") == [])
    }

    @Test func aDriverThatNamesNoDevicesIsCountedByWhatTheTaskSees() {
        let host = HostGPUs(
            names: Self.names, information: [Self.information(0, "GPU-????????-????")], libraries: Self.libraries)
        #expect(host.variables([2], beside: [:])["CUDA_VISIBLE_DEVICES"] == "0")
        #expect(host.variables([0, 1], beside: [:])["CUDA_VISIBLE_DEVICES"] == "0,1")
    }

    @Test func withoutTheDriversLibraryThereIsNothingToUse() {
        let host = HostGPUs(names: Self.names, information: [], libraries: [])
        #expect(host.count == 0 && host.lack?.contains("libcuda.so.1") == true)
        #expect(HostGPUs.none.count == 0 && HostGPUs.none.lack == nil)
    }

    // MARK: The loader's cache

    private static func cache(_ entries: [(flags: UInt32, name: String, path: String)], at start: Int = 0) -> [UInt8] {
        func bytes(_ number: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
        var (table, texts): ([UInt8], [UInt8]) = ([], [])
        for entry in entries {
            let name = 48 + 24 * entries.count + texts.count
            texts += Array(entry.name.utf8) + [0]
            let path = 48 + 24 * entries.count + texts.count
            texts += Array(entry.path.utf8) + [0]
            table += bytes(entry.flags) + bytes(UInt32(name)) + bytes(UInt32(path)) + [UInt8](repeating: 0, count: 12)
        }
        return Array("glibc-ld.so.cache1.1".utf8) + bytes(UInt32(entries.count)) + bytes(UInt32(texts.count))
            + [UInt8](repeating: 0, count: 20) + table + texts
    }

    @Test func librariesAreFoundInTheLoadersCache() throws {
        let whole = Self.cache([
            (0x0303, "libcuda.so.1", "/a/libcuda.so.1"), (0x0003, "libcuda.so.1", "/32/libcuda.so.1"),
        ])
        #if arch(x86_64)
            #expect(LoaderCache.libraries(whole) == [.init(name: "libcuda.so.1", path: "/a/libcuda.so.1")])
            // Behind the older form, whose entries have twelve bytes.
            let old = Array("ld.so-1.7.0\0".utf8) + [1, 0, 0, 0] + [UInt8](repeating: 7, count: 12) + [0, 0, 0, 0]
            #expect(LoaderCache.libraries(old + whole).map(\.path) == ["/a/libcuda.so.1"])
        #endif
        for length in 0..<whole.count { _ = LoaderCache.libraries(Array(whole[..<length])) }
        #expect(LoaderCache.libraries([]).isEmpty && LoaderCache.libraries([UInt8](repeating: 255, count: 200)).isEmpty)
        // This machine's own.
        let found = LoaderCache.libraries(try File.read("/etc/ld.so.cache"))
        let libc = found.first { $0.name == "libc.so.6" }
        #expect(File.exists(libc?.path ?? ""))
    }
}
