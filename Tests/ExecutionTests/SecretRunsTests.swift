import Execution
import Files
import HostProtocol
import Plan
import TestSupport
import Testing

/// What stations may know, and nobody else.
@Suite struct SecretRunsTests {
    private let token = "tomato-4711-tomato"

    @Test(arguments: Way.here) func onlyTheStationThatNamesItKnowsIt(_ way: Way) throws {
        try withScratch { scratch in
            let given = plan([
                station(
                    "knows", "echo \"my token is $TOKEN\" >&2; echo ${#TOKEN} > {out}; echo \"$TOKEN\"; ulimit -c >&2",
                    secrets: ["TOKEN"]),
                station("other", "echo \"${TOKEN:-nothing}\" > {out}; cat /proc/1/environ >> {out} || true"),
            ])
            let run = try TestRun.perform(
                given, in: scratch, engine: way.engine, asOrdinaryUser: way.isOrdinaryUser, secrets: ["TOKEN": token])
            #expect(run.ended.succeeded, "\(run.events)")
            #expect(try run.result("knows/out.txt") == "\(token.utf8.count)\n")
            #expect(try run.result("other/out.txt").hasPrefix("nothing\n"))
            #expect(try File.read(run.folder.logs + "/knows.err") == Array("my token is ***\n0\n".utf8))
            #expect(try File.read(run.folder.logs + "/knows.out") == Array("***\n".utf8))
            // Nowhere on the disk: in the run, in the store of what tasks made, in any record.
            let found = try Program("grep").run("-r", "-l", "-a", token, scratch)
            #expect(found.output.isEmpty, "\(found.output)")
        }
    }

    @Test func aSecretThatIsNotGivenEndsTheRunBeforeItBegins() throws {
        try withScratch { scratch in
            let given = plan([
                station("first", "echo x > {out}"), station("upload", "echo x > {out}", secrets: ["TOKEN"]),
            ])
            let run = try TestRun.perform(given, in: scratch)
            #expect(run.ended.exitCode == .usage)
            #expect(run.events.map(\.kind) == [.runEnded])
            let text = run.events.last?.text ?? ""
            #expect(text.contains("the station upload needs the secret TOKEN, which was not given"))
            #expect(text.contains("las secret set TOKEN"))
            let again = try TestRun.perform(given, in: scratch, resumes: true, secrets: ["TOKEN": token])
            #expect(again.ended.succeeded, "\(again.events)")
        }
    }

    @Test func aFailureShowsNoSecret() throws {
        try withScratch { scratch in
            let given = plan([station("upload", "echo \"denied for $TOKEN\" >&2; exit 3", secrets: ["TOKEN"])])
            let run = try TestRun.perform(given, in: scratch, secrets: ["TOKEN": token])
            #expect(run.first(.taskFailed)?.printed == "denied for ***\n")
        }
    }
}
