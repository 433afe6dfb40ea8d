import Files
import Foundation
import JSON
import TestSupport
import Testing
import Threads

/// The commands that look at runs and steer them, on a run that las started.
@Suite struct RunCommandsTests {
    /// Twelve short tasks one after another, what nobody takes, and one that fails until a file of the metro says otherwise.
    private static func metro(in folder: String, seconds: String = "0.3", fails: Bool = false) throws {
        try Folder.make(folder + "/m")
        try File.write(
            """
            metro: steered
            lines:
              one:
                - station: step
                  repeat: 12
                  one_by_one: yes
                  command: sleep \(seconds) && echo {turn} > {out}
                  out: number.txt
                - station: all
                  command: cat {in}
                  out: numbers.txt
              two:
                - station: last
                  command: \(fails ? "exit 3" : "echo fine")
                  out: word.txt
            results: [all, last]

            """, to: folder + "/m/metro.yml")
    }

    private func until(_ seconds: Double = 300, _ body: () throws -> Bool) rethrows -> Bool {
        let end = Date().addingTimeInterval(seconds)
        while Date() < end {
            if try body() { return true }
            usleep(20_000)
        }
        return false
    }

    @Test func aRunIsSeenPausedContinuedAndCancelled() throws {
        guard BuiltPrograms.areThere else { return }
        try withScratch { folder in
            // So long that it goes on while it is looked at and steered.
            try Self.metro(in: folder, seconds: "3")
            let las = LasCommand(in: folder, lash: try makeLash(in: folder))
            let running = try OwnThread { _ = try? las("run", "m") }
            defer { running.join() }
            func runs() throws -> [JSONValue] {
                try JSONText.parse(try las("ps", "--all", "--json").output).array ?? []
            }
            func state() throws -> String? { try runs().first?["state"]?.string }
            func done() throws -> Int64 { try runs().first?["done"]?.integer ?? 0 }
            #expect(try until { try done() > 1 })
            #expect(try state() == "running")
            let paused = try las("pause")
            #expect(paused.status == 0, "\(paused.errors)")
            #expect(try until { try state() == "paused" })
            // What was running then comes to its end.
            #expect(
                try until {
                    let told = try JSONText.parse(try las("status", "--json").output)
                    return told["running"]?.array?.isEmpty ?? false
                })
            let before = try done()
            usleep(4_000_000)
            #expect(try done() == before && before < 14)
            let text = try las("ps").output
            #expect(text.contains("steered") && text.contains("paused"), "\(text)")
            #expect(try las("continue").status == 0)
            #expect(try until { try done() > before })
            #expect(try las("cancel").status == 0)
            #expect(try until { try state() == "cancelled" })
            // It goes on from there to its end.
            let resumed = try las("resume")
            #expect(resumed.status == 0, "\(resumed.errors)")
            #expect(try state() == "done")
            // Its process may be about to end.
            #expect(try until { try las("ps").errors.contains("no run goes on here") })
            #expect(try las("cancel").status == 2)
        }
    }

    @Test func aRunIsReportedAsAPageThatNeedsNothingElse() throws {
        guard BuiltPrograms.areThere else { return }
        try withScratch { folder in
            try Self.metro(in: folder, fails: true)
            let las = LasCommand(in: folder, lash: try makeLash(in: folder))
            let ended = try las("run", "m")
            #expect(ended.status == 1, "\(ended.errors)")
            let told = try las("report", "--html", "run.html")
            #expect(told.status == 0, "\(told.errors)")
            try File.write(pageJudge, to: folder + "/judge.py")
            let judged = try Program("python3", folder: folder).run("judge.py", "run.html")
            #expect(judged.status == 0, "\(judged.errors)")
            let page = String(decoding: try File.read(folder + "/run.html"), as: UTF8.self)
            #expect(page.contains("it ended with the exit code 3") && page.contains("<svg"))
            #expect(page.contains("removed from the run when nothing needed it any more"))
            // The same in words, and for programs.
            let text = try las("report").output
            #expect(text.contains("last failed: it ended with the exit code 3"), "\(text)")
            #expect(text.contains("what 12 tasks made"), "\(text)")
            let json = try JSONText.parse(try las("report", "--json").output)
            let tasks = json["byTask"]?.array ?? []
            #expect(tasks.count == 14)
            #expect(tasks.filter { $0["freed"]?.bool == true }.count == 12)
            #expect(json["freed"]?.integer ?? 0 > 12)
        }
    }
}
