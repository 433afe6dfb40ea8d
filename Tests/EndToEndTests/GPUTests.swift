import Files
import Foundation
import TestSupport
import Testing

/// Stations that compute on a graphics processor, where the machine has one. The metro beside this file can be packed and taken to one
/// that has: `las pack Tests/EndToEndTests/GPU`.
@Suite(
    .serialized,
    .enabled(if: File.exists("/dev/nvidia0"), "this machine has no graphics processor of NVIDIA's")
) struct GPUTests {
    private static let metro = File.parent(of: #filePath) + "/GPU"

    @Test(arguments: ["kernel", "fuse", "extraction"]) func theyComputeInTheirTurn(engine: String) throws {
        try withScratch { folder in
            try Program("cp").run("-r", Self.metro, folder + "/metro")
            let las = LasCommand(in: folder)
            let ran = try las("run", "metro", "--engine", engine, "--fresh", "--results", "results")
            try #require(ran.status == 0, "\(ran.errors)")
            let sums = try Folder.names(in: folder + "/results/add").map { name in
                String(decoding: try File.read("\(folder)/results/add/\(name)"), as: UTF8.self).split(separator: "\n")
            }
            #expect(sums.count == 3)
            #expect(sums.allSatisfy { $0.count == 2 && $0[0].contains(" 0 wrong, 1 device, ") }, "\(sums)")
            let listed = String(decoding: try File.read(folder + "/results/list/devices.txt"), as: UTF8.self)
            #expect(listed.contains("GPU 0: "))
            let seen = String(decoding: try File.read(folder + "/results/without/seen.txt"), as: UTF8.self)
            #expect(!seen.contains("nvidia") && seen.contains("libcuda.so.1: cannot open shared object file"))
        }
    }
}
