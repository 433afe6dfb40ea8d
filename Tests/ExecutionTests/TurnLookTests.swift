import Files
import Glibc
import Metro
import Plan
import TestSupport
import Testing

@testable import Execution

/// What `until` looks at, in a folder as a command may have left it.
@Suite struct TurnLookTests {
    /// - Returns: what does not hold, or why that can't be told.
    private func look(
        _ requirement: Requirement, output: String = "out.txt", after: (_ work: String, _ before: String) throws -> Void
    ) throws -> String {
        try withScratch { folder in
            let (work, before) = (folder + "/task", folder + "/made/x/1")
            try Folder.make(work)
            try Folder.make(before)
            try after(work, before)
            var task = PlannedTask(
                id: TaskID("x/2"), station: StationID("x"), environment: .main, command: .direct(["x"]),
                outputs: [.init(path: output, isFolder: false)], savesPrinted: nil, reads: [], made: "x/2",
                uses: Resources())
            task.until = [.init(requirement: requirement)]
            task.turnBefore = "x/1"
            do throws(Outputs.Refused) {
                return try TurnLook(task: task, work: work, made: folder + "/made").unmet().joined(separator: "; ")
            } catch { return "failed: \(error.reason)" }
        }
    }

    private func value(_ text: String, _ bound: Requirement.Bound = .below(0.5)) throws -> String {
        try look(.value(in: "loss.txt", bound)) { work, _ in try File.write(text, to: work + "/loss.txt") }
    }

    @Test(arguments: [
        ("0.42\n", 0.42), ("  12 lines.txt\n", 12), ("loss: 0.42", 0.42), ("loss=1e-3", 0.001), ("loss,0.42\n", 0.42),
        ("{\"loss\": 0.42}\n", 0.42), ("[7]", 7), ("loss\n-2.5\n", -2.5), ("+3", 3), (".5", 0.5), ("\"0.1\"", 0.1),
        ("1\n2\n3\n", 1),
    ]) func theNumberIsFoundWhereItIsClear(_ text: String, _ number: Double) {
        #expect(ValueText.number(in: text)?.number == number)
    }

    @Test(arguments: [
        "", "\n", "nan", "inf", "-", "0,42", "1,234.5", "epoch 3 loss 0.42", "loss: 0.42 acc: 0.9", "0x1F", "12%",
        "{\"a\": 1, \"b\": 2}", "1:30", "three", "e5", "\u{661}",
    ]) func whereItIsNotClearThereIsNone(_ text: String) { #expect(ValueText.number(in: text) == nil) }

    @Test func valuesAreComparedAndToldAsTheyStandThere() throws {
        #expect(try value("0.42").isEmpty)
        #expect(try value("0.50") == "loss was 0.50, not below 0.5")
        #expect(try value("0.42", .above(3)) == "loss was 0.42, not above 3")
        #expect(try value("3.0", .equals(3)).isEmpty)
        #expect(try value("2.5e0", .equals(3)) == "loss was 2.5e0, not 3")
        #expect(
            try value("diverged \u{1B}[2J")
                == "failed: loss.txt holds “diverged \u{FFFD}[2J”, in which no single number stands out: let the command write the number alone"
        )
        #expect(
            try look(.value(in: "s1.loss", .below(1))) { work, _ in try File.write("2", to: work + "/s1.loss") }
                == "s1.loss was 2, not below 1")
        #expect(try value(" \n") == "failed: loss.txt is empty, and “value_in” needs a number there")
    }

    @Test func textsAndFiles() throws {
        func write(_ text: String) -> (String, String) throws -> Void {
            { work, _ in try File.write(text, to: work + "/out.txt") }
        }
        #expect(try look(.outputContains("abcab"), after: write("xabcabcaby")).isEmpty)
        #expect(try look(.outputContains("z"), after: write("abc")) == "out.txt did not contain “z”")
        #expect(try look(.outputLacks("z"), after: write("abc")).isEmpty)
        #expect(try look(.outputLacks("b"), after: write("abc")) == "out.txt contained “b”")
        #expect(try look(.outputContains("b")) { _, _ in } == "failed: it did not make out.txt")
        #expect(try look(.fileExists("a/b")) { work, _ in try Folder.make(work + "/a/b") }.isEmpty)
        #expect(try look(.fileExists("a/b")) { work, _ in try Folder.make(work + "/a") } == "there was no file a/b")
    }

    @Test func foldersAreComparedWhole() throws {
        func make(_ folder: String, _ text: String = "same", link: String = "a") throws {
            try Folder.make(folder + "/out/deep")
            try File.write(text, to: folder + "/out/deep/b")
            try File.write("", to: folder + "/out/a")
            symlink(link, folder + "/out/link")
        }
        func unchanged(_ after: (String, String) throws -> Void) throws -> Bool {
            try look(.unchanged, output: "out", after: after).isEmpty
        }
        #expect(
            try unchanged {
                try make($0); try make($1)
            })
        #expect(
            try !unchanged {
                try make($0); try make($1, "other")
            })
        #expect(
            try !unchanged {
                try make($0); try make($1, "longer than that")
            })
        #expect(
            try !unchanged {
                try make($0); try make($1, link: "deep/b")
            })
        #expect(
            try !unchanged {
                try make($0); try make($1); try File.write("", to: $0 + "/out/deep/c")
            })
        #expect(
            try !unchanged {
                try make($0); try File.write("", to: $1 + "/out")
            })
        #expect(try !unchanged { work, _ in try make(work) })
    }

    /// A command could leave links to files of the machine, which the runtime may read and the task not.
    @Test func noLinkIsFollowed() throws {
        #expect(
            try look(.value(in: "loss.txt", .below(1))) { work, _ in symlink("/etc/passwd", work + "/loss.txt") }
                == "failed: “value_in” looks at a file, and loss.txt is none")
        #expect(
            try look(.value(in: "a/passwd", .below(1))) { work, _ in symlink("/etc", work + "/a") }
                == "failed: “a”, the folder of a/passwd, is a link")
        #expect(
            try look(.fileExists("a/passwd")) { work, _ in symlink("/etc", work + "/a") }
                == "failed: “a”, the folder of a/passwd, is a link")
        #expect(
            try look(.outputContains("root")) { work, _ in symlink("/etc/passwd", work + "/out.txt") }.hasPrefix(
                "failed: its output out.txt is a link"))
        #expect(
            try look(.value(in: "pipe", .below(1))) { work, _ in mkfifo(work + "/pipe", 0o600) }
                == "failed: “value_in” looks at a file, and pipe is none")
        #expect(try look(.value(in: "../x", .below(1))) { _, _ in }.hasPrefix("failed: "))
    }
}

@Suite struct RestingTasksTests {
    @Test func pausesGrowAndEnd() {
        var resting = RestingTasks()
        var task = PlannedTask(
            id: TaskID("x"), station: StationID("x"), environment: .main, command: .direct(["x"]), outputs: [],
            savesPrinted: nil, reads: [], made: "x", uses: Resources())
        #expect(resting.rest(task, from: 0) == nil)
        task.retry = 8
        var pauses: [Double] = []
        while let (attempt, pause) = resting.rest(task, from: 100) {
            #expect(attempt == resting.attempt(of: task))
            pauses.append(pause)
        }
        #expect(pauses == [1, 2, 4, 8, 16, 30, 30, 30])
        #expect(resting.takeRested(by: 100.5).isEmpty && resting.due.min() == 101)
        #expect(resting.takeRested(by: 102).count == 2)
        #expect(resting.takeAll().count == 6 && resting.isEmpty)
    }
}
