import Digests
import Metro
import Testing

@testable import Plan

/// Why a task runs, in words.
@Suite struct RunReasonTests {
    private static func parts(
        command: String = "sort", variables: [String: String] = [:], environment: String = "e",
        inputs: [String: String] = ["/.las/inputs/reads/s1.fq": "1"], scripts: [String: String] = ["files/x.py": "1"],
        reads: [String: String] = ["index": "1"], before: String? = nil
    ) -> KeyParts {
        let task = PlannedTask(
            id: TaskID("t"), station: StationID("t"), environment: .main, command: .shell(command), outputs: [],
            savesPrinted: nil, reads: [], made: "t", uses: Resources(), variables: variables)
        return KeyParts(
            ContentKey(
                task, environment: Digest(of: environment), inputs: inputs.mapValues { Digest(of: $0) },
                scripts: scripts.mapValues { Digest(of: $0) }, reads: reads.mapValues { Digest(of: $0) },
                before: before.map { Digest(of: $0) }))
    }

    private static let then = parts()

    @Test(arguments: [
        (parts(), []),
        (parts(command: "sort -r"), ["its command changed"]),
        (parts(variables: ["A": "b"]), ["its outputs, variables, turns or seed changed"]),
        (parts(environment: "f"), ["its needs changed"]),
        (parts(inputs: ["/.las/inputs/reads/s1.fq": "2"]), ["reads/s1.fq changed"]),
        (parts(scripts: ["files/x.py": "2"]), ["the script files/x.py changed"]),
        (parts(scripts: ["files/y.py": "1"]), ["the script files/x.py is gone", "the script files/y.py is new"]),
        (parts(reads: ["index": "2"]), ["index made something else"]),
        (parts(before: "x"), ["the turn before made something else"]),
        (parts(command: "tac", inputs: [:]), ["its command changed", "reads/s1.fq changed"]),
    ]) func whatChangedIsNamed(_ now: KeyParts, _ changes: [String]) {
        #expect(RunReason.changes(from: Self.then, to: now, files: ([:], [:])) == changes)
    }

    @Test func filesOfAFolderAreNamed() {
        let place = "/.las/inputs/reads"
        let changes = RunReason.changes(
            from: Self.parts(inputs: [place: "1"]), to: Self.parts(inputs: [place: "2"]),
            files: (
                now: [place + "/s1.fq": "2", place + "/s3.fq": "1", place + "-other/x": "1"],
                then: [place + "/s1.fq": "1", place + "/s2.fq": "1"]
            ))
        #expect(changes == ["reads/s1.fq changed", "reads/s2.fq is gone", "reads/s3.fq is new"])
        #expect(RunReason.text(of: changes) == "reads/s1.fq changed, reads/s2.fq is gone and 1 more")
        #expect(RunReason.text(of: ["a", "b"]) == "a and b")
    }

    @Test func packagesAreNamedWithTheirVersions() {
        let (then, now) = (
            ["samtools": "1.16", "bwa": "1", "bash": "5"], ["samtools": "1.17", "bash": "5", "gawk": "5"]
        )
        #expect(
            RunReason.needs(from: then, to: now)
                == "its needs changed (bwa taken out, gawk added and 1 more)")
        #expect(RunReason.needs(from: then, to: then) == nil)
        let changes = RunReason.changes(
            from: Self.then, to: Self.parts(environment: "f"), files: ([:], [:]),
            needs: { _, _ in RunReason.needs(from: ["samtools": "1.16"], to: ["samtools": "1.17"]) })
        #expect(changes == ["its needs changed (samtools 1.16 → 1.17)"])
    }
}
