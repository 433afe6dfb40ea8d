import CLinux
import Files
import Glibc
import TestSupport
import Testing
import Threads

@testable import Workspaces

/// A workspace as a program sees it that has files fetched when it opens them, on two machines with a connection: seen through a real
/// mount, by real programs.
@Suite(.enabled(if: OrdinaryUser.isRootHere && File.exists("/dev/fuse"), "root and FUSE are needed"))
struct ShownFolderTests {
    /// A machine that has all files, and one that has what is opened there, at `scratch/shown`.
    final class Pair: @unchecked Sendable {
        let wire: ShareTests.Wire
        let head: String
        let home: String
        let place: String
        let share: Share
        let told = Monitor([String]())

        init(_ scratch: String, make: (String) throws -> Void) throws {
            (head, home, place) = (scratch + "/head/files", scratch + "/home/files", scratch + "/shown")
            for folder in [head, home, place] { try Folder.make(folder) }
            try make(head)
            let one = try Share(scratch + "/head", host: "head", rule: .keepBoth, watches: true)
            share = try Share(scratch + "/home", host: "home", rule: .keepBoth, watches: true, isPartial: true)
            wire = try ShareTests.Wire(one, share)
            let all = one.map.entries.filter { $0.value.versions.first?.content.kind == .file }.count
            waits { self.share.absent.below(RelativePath("f1")!).count == 1 && self.absent.count == all }
        }

        /// Files that are known and not here.
        var absent: Set<String> { share.state.change { Set($0.replica.absent.map(\.string)) } }

        func show(patience: Double = 300) throws -> ShownFolder {
            try ShownFolder(share, home, named: "panel", at: place, patience: patience) { [told] text in
                told.change { $0.append(text) }
            }
        }

        /// Runs a command in the folder that is shown.
        func run(_ script: String) throws -> Program.Ended {
            try Program("bash").run(["-c", "cd \"$1\"; \(script)", "bash", place])
        }

        func text(_ folder: String, _ path: String) -> String? {
            (try? File.read("\(folder)/\(path)")).map { String(decoding: $0, as: UTF8.self) }
        }

        func waits(for isSo: () -> Bool, _ place: SourceLocation = #_sourceLocation) {
            for _ in 0..<180_000 {
                if isSo() { return }
                usleep(1000)
            }
            Issue.record("it did not become so", sourceLocation: place)
        }
    }

    private func withPair(
        make: @escaping @Sendable (String) throws -> Void, _ body: @escaping @Sendable (Pair) throws -> Void
    ) throws {
        try withScratch("shown") { scratch in
            try OwnThread.waiting {
                try #require(las_own_mounts() == 0)
                let pair = try Pair(scratch, make: make)
                defer { pair.wire.end() }
                try body(pair)
            }
        }
    }

    private static let twenty: @Sendable (String) throws -> Void = { head in
        try Folder.make(head + "/d/e")
        for number in 1...20 { try File.write("file \(number)\n", to: "\(head)/f\(number)") }
        for name in ["d/a", "d/b", "d/e/c"] { try File.write("in \(name)\n", to: "\(head)/\(name)") }
        try File.write("#!/bin/bash\necho started $1\n", to: head + "/program", mode: 0o755)
        try File.write(String(repeating: "many bytes ", count: 300_000), to: head + "/long")
        symlink("f3", head + "/link")
    }

    @Test func whatIsOpenedComesAndNothingElse() throws {
        try withPair(make: Self.twenty) { pair in
            let shown = try pair.show()
            defer { shown.stop() }
            let all = pair.absent
            let seen = try pair.run("ls -R . | sort; stat -c '%s %A' f7 program; find . -type f | wc -l")
            #expect(seen.errors == "")
            #expect(seen.lines.contains("f20") && seen.lines.contains("e:") == false)
            #expect(seen.lines.suffix(3) == ["7 -rw-r--r--", "28 -rwxr-xr-x", "25"])
            #expect(pair.absent == all)
            let read = try pair.run(
                "cat f7; cat link; ./program now; wc -c < long; cp d/a ../copied; cat ../copied; tail -c 6 d/e/c")
            #expect(read.errors == "")
            #expect(read.output == "file 7\nfile 3\nstarted now\n3300000\nin d/a\nd/e/c\n")
            #expect(all.subtracting(pair.absent) == ["f7", "f3", "program", "long", "d/a", "d/e/c"])
            #expect(pair.text(pair.home, "f7") == "file 7\n")
            #expect(pair.text(pair.home, "f8") == nil)
            // What is not there is not there.
            #expect(try pair.run("cat nothing").status == 1)
            // Many at once, the same ones and others.
            let many = try pair.run(
                "for i in $(seq 12); do cat f1* & done | sort | uniq -c | awk '{print $1}' | sort -u; wait")
            #expect(many.output == "12\n" && many.errors == "")
            #expect(pair.told.change { $0 } == [])
        }
    }

    /// What a command puts in the place of a file that it has not fetched replaces that one, as on the machine that has it.
    @Test func whatIsNotHereIsReplacedRenamedAndRemoved() throws {
        try withPair(make: Self.twenty) { pair in
            let shown = try pair.show()
            defer { shown.stop() }
            let done = try pair.run(
                """
                echo over > f1
                echo moved > new; mv new f2
                rm f3
                echo more >> f4
                mv f5 d/five
                mv d dir
                chmod 600 f6
                touch -d @1000000000 f8
                mkdir f9 || echo refused
                set -o noclobber; echo no > f10 || echo there
                ln f11 f12x || echo no link
                sed -i s/file/line/ f13
                truncate -s 3 f14
                ls dir dir/e
                """)
            #expect(
                done.output
                    == "refused\nthere\nno link\na\nb\ne\nfive\n\nc\n".replacing(
                        "e\nfive\n\nc", with: "e\nfive\n\ndir/e:\nc"
                    ).replacing("no link\na", with: "no link\ndir:\na"))
            let head = pair.head
            pair.waits {
                pair.text(head, "f1") == "over\n" && pair.text(head, "f2") == "moved\n" && !File.exists(head + "/f3")
                    && pair.text(head, "f4") == "file 4\nmore\n" && pair.text(head, "dir/five") == "file 5\n"
                    && pair.text(head, "dir/e/c") == "in d/e/c\n" && !File.exists(head + "/d")
                    && File.status(head + "/f6")?.mode == 0o600 && pair.text(head, "f13") == "line 13\n"
                    && pair.text(head, "f14") == "fil"
            }
            #expect(try Folder.names(in: head).filter { $0.contains("collision") } == [])
            #expect(try Folder.names(in: pair.home).filter { $0.contains("collision") } == [])
            // The old ones were not wanted.
            #expect(pair.share.state.change { $0.replica.opened.keys.map(\.string) }.contains("f1") == false)
            #expect(pair.told.change { $0 } == [])
        }
    }

    @Test func whoWaitsHoldsUpNobodyAndCanBeEnded() throws {
        try withPair(make: Self.twenty) { pair in
            let shown = try pair.show()
            defer { shown.stop() }
            #expect(try pair.run("cat f2").output == "file 2\n")
            pair.wire.cut()
            let ended = try pair.run(
                """
                cat f1 > ../killed & first=$!
                cat f4 > ../waited & echo $! > ../second
                timeout -s KILL 0.3 cat f5
                echo killed: $?
                cat f2; echo new > other; cat other; ls | wc -l
                kill -9 $first; wait $first; echo killed: $?
                """)
            #expect(ended.output == "killed: 137\nfile 2\nnew\n25\nkilled: 137\n", "\(ended)")
            pair.wire.mend()
            pair.waits { pair.text(pair.place + "/..", "waited") == "file 4\n" }
            #expect(pair.told.change { $0 } == [])
        }
    }

    @Test func whatCanNotBeFetchedIsAnErrorThatSaysWhy() throws {
        try withPair(make: Self.twenty) { pair in
            pair.wire.cut()
            let shown = try pair.show(patience: 0.5)
            let ended = try pair.run("cat f1; echo $?; echo own > mine; cat mine")
            #expect(ended.output == "1\nown\n" && ended.errors.contains("Input/output error"))
            #expect(
                pair.told.change { $0 } == [
                    "panel/f1 is not on this machine, and could not be fetched from the one that leads the run: there has been no connection to it for 0 seconds"
                ])
            shown.stop()
            #expect(File.exists(pair.place) == false)
        }
    }

    /// A program does there what it does in any folder, and sees the same.
    @Test func itIsAFolderAsAnyOther() throws {
        try withPair(make: Self.twenty) { pair in
            let shown = try pair.show()
            let script = """
                exec 2>&1
                umask 022; mkdir -p w/x; cd w
                for i in $(seq 50); do echo "line $i" > n$i; done
                cat n* | sort | md5sum
                echo b >> n1; echo c >> n1; cat n1
                ln -s n1 l; readlink l; cat l; ln -sf n2 l; cat l
                mv n3 x/n3; mv x y; ls y; rmdir y || true; rm -r y
                exec 5<> t; echo to the open file >&5; rm t; cat /proc/self/fd/5; stat -L -c %s /proc/self/fd/5; exec 5>&-
                dd if=/dev/zero of=z bs=1M count=5 status=none; dd if=/dev/urandom of=z bs=4096 seek=77 count=3 conv=notrunc status=none
                stat -c %s z; cmp <(cat z) <(dd if=z bs=333 status=none) && echo same
                sort -o z2 n1 n2; cat z2; sed -i s/line/word/ n2; cat n2
                tar cf a.tar n4 n5 l; mkdir u; tar xf a.tar -C u; cat u/n4 u/l; cp -a u v; diff -r u v && echo equal
                chmod 640 n6; stat -c %a n6; touch -d @1234567890 n6; stat -c %Y n6
                mkfifo p; (echo through > p &); cat p; rm p
                flock n7 -c 'flock -n n7 -c "echo got" || echo held'
                (echo one; sleep 0.1; echo two) > s; cat s
                truncate -s 10 s; stat -c %s s; : > s; stat -c %s s
                perl -e 'open F, "+<", "n8"; print stat(F) ? "ok\\n" : "no\\n"' 2> /dev/null || echo ok
                find . -name 'n4*' | sort | head -3; du -s --apparent-size . > /dev/null; cd ..; rm -r w; ls -d w
                """
            let plain = try Program("bash").run([
                "-c", "mkdir \"$1\"/../plain; cd \"$1\"/../plain; \(script)", "bash", pair.place,
            ])
            let through = try pair.run(script)
            #expect(through.output == plain.output)
            // Locks count for all that have the file open, wherever they see it.
            let locked = try Program("bash").run([
                "-c",
                "touch $1/lock; exec 3< $1/lock; flock 3; flock -n $2/lock -c true || echo held; (flock 4; echo got) 4< $2/lock & sleep 0.2; flock -u 3; wait",
                "bash", pair.home, pair.place,
            ])
            #expect(locked.output == "held\ngot\n", "\(locked.errors)")
            // What was written last is told once nothing runs there any more.
            let last = try pair.run("echo last > last; exec 7> held; echo held >&7")
            #expect(last.status == 0)
            shown.stop()
            try pair.share.look(settled: true)
            pair.waits { pair.text(pair.head, "last") == "last\n" && pair.text(pair.head, "held") == "held\n" }
        }
    }

    /// What another machine changes meanwhile is seen.
    @Test func changesOfOthersAreSeen() throws {
        try withPair(make: Self.twenty) { pair in
            let shown = try pair.show()
            defer { shown.stop() }
            #expect(try pair.run("cat f1 long > /dev/null; cat f1").output == "file 1\n")
            try File.write("another\n", to: pair.head + "/f1")
            try File.write("and new\n", to: pair.head + "/g")
            try File.write("longer than before\n", to: pair.head + "/f2")
            File.remove(pair.head + "/f3")
            pair.waits { (try? pair.run("cat f1; stat -c %s f2 g; ls f3").output) == "another\n19\n8\n" }
            #expect(try pair.run("cat g f2").output == "and new\nlonger than before\n")
        }
    }
}
