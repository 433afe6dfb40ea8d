import Files
import JSON
import TestSupport
import Testing

/// The lock as a person meets it: made once, held to, and changed when that is asked for.
@Suite struct LockingTests {
    @Test func aMetroAndItsLock() throws {
        try withScratch("lock") { folder in
            let las = try Template("hello", in: folder).las
            try #require(try las("pack", "metro", "--output", "x.las").status == 0)
            let before = try packages(folder)
            let metro = folder + "/metro/metro.yml"
            try File.write(try File.read(metro) + Array("needs: { debian: [jq] }\n".utf8), to: metro)
            let refused = try las("pack", "metro", "--output", "y.las")
            #expect(refused.status == 5 && !File.exists(folder + "/y.las"))
            #expect(refused.errors.contains("the needs now have jq"), "\(refused.errors)")
            #expect(refused.errors.contains("las lock metro/metro.yml --update"), "\(refused.errors)")
            let difference = try las("lock", "metro", "--diff")
            #expect(difference.output.contains("\njq ") && difference.output.contains(" is added\n"))
            #expect(try packages(folder) == before, "it only shows")

            let wrong = try las("lock", "metro", "--only", "jg")
            #expect(wrong.status == 2 && wrong.errors.contains("the metro has no need jg"), "\(wrong.errors)")
            #expect(try las("lock", "metro", "--only", "jq").status == 0)
            let after = try packages(folder)
            #expect(before.isSubset(of: after), "what was chosen stays")
            #expect(after.contains { $0.hasPrefix("jq ") })

            let told = try JSONText.parse(Array(try las("sbom", "x.las").output.utf8))
            #expect(told["spdxVersion"]?.string == "SPDX-2.3")
            let names = (told["packages"]?.array ?? []).compactMap { $0["name"]?.string }
            #expect(names.contains("bash") && !names.contains("jq"))
        }
    }

    /// Names, versions and digests.
    private func packages(_ folder: String) throws -> Set<String> {
        let lock = try JSONText.parse(try File.read(folder + "/metro/metro.lock"))
        let packages = lock["environments"]?["main"]?["packages"]?.array ?? []
        return Set(
            packages.map { package in
                ["name", "version", "sha256"].map { package[$0]?.string ?? "" }.joined(separator: " ")
            })
    }
}
