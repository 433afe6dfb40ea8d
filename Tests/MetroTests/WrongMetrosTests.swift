import Files
import Testing

@testable import Metro

#if canImport(Glibc)
    import Glibc
#endif

/// Each `Wrong/NAME.yml`, or `Wrong/NAME/metro.yml` with the metros in it, and what las says of it, `Wrong/NAME.txt`.
/// `Wrong/renew` writes the texts anew; read the difference.
@Suite struct WrongMetrosTests {
    static let folder = File.parent(of: #filePath) + "/Wrong"
    static let names = Set(
        ((try? Folder.names(in: folder)) ?? []).filter { $0.hasSuffix(".txt") || $0.hasSuffix(".yml") }.map {
            String($0.dropLast(4))
        }
    ).sorted()

    @Test(arguments: names) func everyMistakeIsToldWithItsPlaceAndFix(_ name: String) throws {
        let told: String
        let failure: MetroFailure?
        if File.exists("\(Self.folder)/\(name)") {
            let file = "\(Self.folder)/\(name)/metro.yml"
            failure = #expect(throws: MetroFailure.self) { try MetroReader.read(path: file) }
            told = (failure?.diagnostics ?? []).map(Self.told).joined().split(separator: Self.folder + "/").joined()
        } else {
            let text = try File.read("\(Self.folder)/\(name).yml")
            failure = #expect(throws: MetroFailure.self) { try MetroReader.read(text: text, file: "\(name).yml") }
            told = (failure?.diagnostics ?? []).map(Self.told).joined()
        }
        for line in told.split(separator: "\n") where !line.hasPrefix("    ") {
            #expect(line.contains(/^[^ ]+\.yml:[0-9]+:[0-9]+: ./), "it names its line and column: \(line)")
            #expect(!line.hasSuffix("invalid") && !line.hasSuffix("not valid"), "it says what is wrong: \(line)")
        }
        for mistake in failure?.diagnostics ?? [] {
            #expect(!(mistake.fix ?? "").isEmpty, "it says what to do: \(mistake)")
            if let end = mistake.endColumn { #expect(end > mistake.column) }
        }
        let golden = "\(Self.folder)/\(name).txt"
        if getenv("LAS_RENEW") != nil { try File.write(told, to: golden) }
        #expect(told == String(decoding: try File.read(golden), as: UTF8.self))
        #expect(!told.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" }, "nothing that a terminal obeys")
    }

    @Test func thereAreManyAndOneHasFiveMistakes() throws {
        #expect(Self.names.count >= 100)
        let text = try File.read("\(Self.folder)/five-mistakes.yml")
        let failure = #expect(throws: MetroFailure.self) { try MetroReader.read(text: text, file: "metro.yml") }
        #expect(failure?.diagnostics.count == 5)
        #expect(failure?.summary == "the metro has 5 mistakes")
        #expect(failure?.exitCode == .usage)
    }

    static func told(_ mistake: Diagnostic) -> String {
        "\(mistake.place ?? ""): \(mistake.message)\n" + (mistake.fix.map { "    \($0)\n" } ?? "")
    }
}
