import Files
import Metro
import Testing

@testable import Plan

/// Each metro that `las new` copies is right, and its inputs are there.
@Suite struct BundleTemplatesTests {
    static let folder = File.parent(of: File.parent(of: File.parent(of: #filePath))) + "/bundle-templates"
    static let names = ((try? Folder.names(in: folder)) ?? []).filter { File.exists("\(folder)/\($0)/metro.yml") }

    @Test(arguments: names) func itIsReadAndPlanned(_ name: String) throws {
        let metro = try MetroReader.read(path: "\(Self.folder)/\(name)/metro.yml")
        let plan = try Planner.plan(metro, files: try InputFiles.find(for: metro, in: "\(Self.folder)/\(name)"))
        #expect(!plan.stations.isEmpty)
        #expect(plan.notes.isEmpty, "\(plan.notes)")
    }
}
