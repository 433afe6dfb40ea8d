import Files
import TestSupport
import Testing

@testable import Depot

#if canImport(Glibc)
    import Glibc
#endif

/// Archives made by the usual programs, and hostile ones made byte by byte.
@Suite struct ArchiveTests {
    private func withFolder(_ body: (String, InputStore) throws -> Void) throws {
        try withScratch { folder in try body(folder, InputStore(LASH(root: folder + "/lash"))) }
    }

    private func archive(_ path: String) -> InputStore.Archive {
        .init(path: path, shown: File.name(of: path), place: "metro.yml:4:10")
    }

    private func shell(_ script: String, in folder: String) throws {
        let ended = try Program("bash", folder: folder).run("-euc", script)
        if ended.status != 0 { throw FileFailure("run \(script): \(ended.errors)", folder, code: EIO) }
    }

    /// Makes an archive with Python, which writes what it is told.
    private func python(_ script: String, in folder: String) throws {
        let ended = try Program("python3", folder: folder).run(
            "-c", "import io, tarfile, zipfile, struct\n" + script)
        if ended.status != 0 { throw FileFailure("run \(script): \(ended.errors)", folder, code: EIO) }
    }

    private static let makers = [
        ("tar cf a.tar d", "a.tar"), ("tar czf a.tgz d", "a.tgz"), ("tar cJf a.tar.xz d", "a.tar.xz"),
        ("tar cjf a.tar.bz2 d", "a.tar.bz2"), ("bsdtar -a -cf a.tar.zst d", "a.tar.zst"),
        ("tar --format=pax -cf a.tar d", "a.tar"), ("bsdtar -c --format zip -f a.zip d", "a.zip"),
        ("bsdtar -c --format 7zip -f a.7z d", "a.7z"), ("tar cf a.tar ./d", "a.tar"),
        ("cd d; tar cf ../a.tar .", "a.tar"),
    ]

    @Test(arguments: makers) func whatUsualProgramsMakeIsUnpackedAsItIs(_ command: String, _ name: String) throws {
        try withFolder { folder, store in
            let script = #"""
                mkdir -p d/sub/deep && cd d
                printf 1 > plain.txt; printf 2 > "two words"; printf 3 > sub/'q"$`\'; printf 4 > sub/deep/-dash
                printf 5 > sub/é.txt; printf 6 > sub/😀; : > empty; head -c 300000 /dev/urandom > sub/big
                printf '#!/bin/sh\n' > run; chmod 6755 run; mkdir hollow
                cd ..

                """#
            try shell(script + command, in: folder)
            let unpacked = try store.unpack(archive("\(folder)/\(name)"), limits: nil)
            let top = command.contains("cd d") ? "" : "d/"
            let names = [
                "empty", "plain.txt", "run", "sub/big", "sub/deep/-dash", "sub/q\"$`\\", "sub/é.txt", "sub/😀",
                "two words",
            ]
            #expect(unpacked.files == names.map { top + $0 })
            for name in names {
                let same = try File.read("\(folder)/d/\(name)") == File.read("\(unpacked.folder)/\(top)\(name)")
                #expect(same, "\(name)")
            }
            #expect(File.status("\(unpacked.folder)/\(top)run")?.mode == 0o555, "a program, and never setuid")
            #expect(File.status("\(unpacked.folder)/\(top)plain.txt")?.mode == 0o444)
        }
    }

    @Test func itIsUnpackedOnceByWhatItHolds() throws {
        try withFolder { folder, store in
            try shell("mkdir d; echo 1 > d/a; tar cf a.tar d; cp a.tar b.tar", in: folder)
            let first = try store.unpack(archive(folder + "/a.tar"), limits: nil)
            let inode = File.status(first.folder)?.inode
            let second = try store.unpack(archive(folder + "/b.tar"), limits: nil)
            #expect(second.folder == first.folder && File.status(second.folder)?.inode == inode)
            // A file of it is gone: it is made again.
            File.remove(first.folder + "/d/a")
            let third = try store.unpack(archive(folder + "/a.tar"), limits: nil)
            #expect(try File.read(third.folder + "/d/a") == Array("1\n".utf8))
            #expect(try Folder.names(in: store.lash.temporary).isEmpty)
        }
    }

    @Test func namesInATarAreTheirBytes() throws {
        try withFolder { folder, store in
            try shell(#"mkdir d; echo 1 > $'d/\303\251'; echo 2 > $'d/e\314\201'; tar cf a.tar d"#, in: folder)
            let unpacked = try store.unpack(archive(folder + "/a.tar"), limits: nil)
            #expect(unpacked.files.map { Array($0.utf8) } == ["d/e\u{301}", "d/\u{E9}"].map { Array($0.utf8) })
        }
    }

    @Test func linksBecomeTheFilesThatTheyLeadTo() throws {
        try withFolder { folder, store in
            try shell(
                #"""
                mkdir -p d/data/deep && cd d
                echo 1 > data/a; echo 2 > data/deep/b; ln data/a hard; ln -s data/a soft; ln -s soft again; ln -s data folder
                ln -s ../hard data/up; ln -s folder/deep/b through; ln -s ./data/./deep/.. dots
                cd ..; tar cf a.tar d
                """#, in: folder)
            let unpacked = try store.unpack(archive(folder + "/a.tar"), limits: nil)
            #expect(
                unpacked.files
                    == [
                        "again", "data/a", "data/deep/b", "data/up", "dots/a", "dots/deep/b", "dots/up", "folder/a",
                        "folder/deep/b", "folder/up", "hard", "soft", "through",
                    ].map { "d/" + $0 })
            for file in unpacked.files {
                let text = String(decoding: try File.read("\(unpacked.folder)/\(file)"), as: UTF8.self)
                #expect(text == (file.hasSuffix("b") || file.hasSuffix("through") ? "2\n" : "1\n"), "\(file)")
                #expect(File.status("\(unpacked.folder)/\(file)")?.kind == .file)
            }
        }
    }

    @Test func whatAMacAddsIsLeftOut() throws {
        try withFolder { folder, store in
            try python(
                """
                z = zipfile.ZipFile("a.zip", "w")
                for n in ["d/a.csv", "__MACOSX/d/._a.csv", "d/.DS_Store", ".DS_Store"]: z.writestr(n, "1")
                z.close()
                """, in: folder)
            #expect(try store.unpack(archive(folder + "/a.zip"), limits: nil).files == ["d/a.csv"])
        }
    }

    /// Entries of a tar, as (name, type, link) in Python.
    private static let hostile = [
        (#"("../out", tarfile.REGTYPE, "")"#, "its entry “../out” leaves the folder by “..”"),
        (#"("d/../../out", tarfile.REGTYPE, "")"#, "its entry “d/../../out” leaves the folder by “..”"),
        (#"("/etc/cron.d/x", tarfile.REGTYPE, "")"#, "its entry “/etc/cron.d/x” has an absolute name"),
        ("(\"../\u{301}x\", tarfile.REGTYPE, \"\")", "its entry “../\u{301}x” leaves the folder by “..”"),
        (#"("pipe", tarfile.FIFOTYPE, "")"#, "its entry “pipe” is neither a file nor a folder"),
        (#"("disk", tarfile.BLKTYPE, "")"#, "its entry “disk” is neither a file nor a folder"),
        (#"("tty", tarfile.CHRTYPE, "")"#, "its entry “tty” is neither a file nor a folder"),
        (#"("l", tarfile.SYMTYPE, "/etc/passwd")"#, "its entry “l” is a link to “/etc/passwd”, out of the archive"),
        (#"("d/l", tarfile.SYMTYPE, "../../x")"#, "its entry “d/l” is a link to “../../x”, out of the archive"),
        (#"("l", tarfile.SYMTYPE, "nothing")"#, "its entry “l” is a link to “nothing”, which is not in it"),
        (#"("l", tarfile.SYMTYPE, "l")"#, "its entry “l” is a link that leads back to itself"),
        (
            #"("l", tarfile.SYMTYPE, "m"), ("m", tarfile.SYMTYPE, "l")"#,
            "its entry “l” is a link that leads back to itself"
        ),
        (#"("d/l", tarfile.SYMTYPE, "../d")"#, "its entry “d/l” is a link that leads back to what holds it"),
        (#"("d/l", tarfile.SYMTYPE, "..")"#, "its entry “d/l” is a link that leads back to what holds it"),
        (#"("h", tarfile.LNKTYPE, "/etc/passwd")"#, "its entry “/etc/passwd” has an absolute name"),
        (
            #"("h", tarfile.LNKTYPE, "later")"#,
            "its entry “h” is a link to “later”, which is no file of the archive before it"
        ),
        (
            #"("l", tarfile.SYMTYPE, "/tmp"), ("l/x", tarfile.REGTYPE, "")"#,
            "its entry “l/x” lies below “l”, which is no folder"
        ),
        (
            #"("a", tarfile.REGTYPE, ""), ("a/b", tarfile.REGTYPE, "")"#,
            "its entry “a/b” lies below “a”, which is no folder"
        ),
        (#"("a", tarfile.REGTYPE, ""), ("./a", tarfile.REGTYPE, "")"#, "its entry “./a” is in it twice"),
        (#"("x" * 300, tarfile.REGTYPE, "")"#, "has a name that no folder can hold, or a very long one"),
        (#"("/".join(["x"] * 70), tarfile.REGTYPE, "")"#, "has a name that no folder can hold, or a very long one"),
        (#"("\033[2J\n", tarfile.FIFOTYPE, "")"#, "its entry “\u{FFFD}[2J ” is neither a file nor a folder"),
    ]

    @Test(arguments: hostile) func hostileEntriesAreRefusedByName(_ entries: String, _ reason: String) throws {
        try withFolder { folder, store in
            try python(
                """
                t = tarfile.open("a.tar", "w")
                for name, kind, link in [("first", tarfile.REGTYPE, ""), \(entries)]:
                    i = tarfile.TarInfo(name); i.type = kind; i.linkname = link; t.addfile(i, io.BytesIO(b""))
                t.close()
                """, in: folder)
            let failure = #expect(throws: DepotFailure.self) {
                try store.unpack(archive(folder + "/a.tar"), limits: nil)
            }
            #expect(failure?.summary == "a.tar is refused")
            #expect(failure?.cause?.contains(reason) == true, "\(failure?.cause ?? "")")
            #expect(failure?.place == "metro.yml:4:10" && failure?.exitCode == .integrity)
            // Nothing of it is left, in LASH or beside it.
            #expect((try? Folder.names(in: store.lash.unpacked)) ?? [] == [])
            #expect(try Folder.names(in: store.lash.temporary).isEmpty)
            #expect(Set(try Folder.names(in: folder)) == ["a.tar", "lash"])
        }
    }

    @Test(arguments: ["../x", "/x", "d/../../x"]) func namesInAZipAreCheckedToo(_ name: String) throws {
        try withFolder { folder, store in
            try python("z = zipfile.ZipFile('a.zip', 'w'); z.writestr('\(name)', '1'); z.close()", in: folder)
            let failure = #expect(throws: DepotFailure.self) {
                try store.unpack(archive(folder + "/a.zip"), limits: nil)
            }
            #expect(failure?.exitCode == .integrity)
        }
    }

    @Test func namesThatAreNoTextAreRefused() throws {
        try withFolder { folder, store in
            try python(
                """
                z = zipfile.ZipFile("a.zip", "w"); z.writestr("ok", "1"); z.writestr("xx", "1"); z.close()
                d = open("a.zip", "rb").read().replace(b"xx", b"x\\xe9"); open("a.zip", "wb").write(d)
                t = tarfile.open("a.tar", "w", format=tarfile.GNU_FORMAT, encoding="latin-1")
                t.addfile(tarfile.TarInfo("ok")); t.addfile(tarfile.TarInfo("\\xe9")); t.close()
                """, in: folder)
            for name in ["a.zip", "a.tar"] {
                let failure = #expect(throws: DepotFailure.self) {
                    try store.unpack(archive("\(folder)/\(name)"), limits: nil)
                }
                #expect(failure?.cause == "the name of its entry 2 is not UTF-8")
            }
        }
    }

    @Test func bombsAreStopped() throws {
        try withFolder { folder, store in
            try shell(
                """
                head -c 50000000 /dev/zero > zeros; tar cJf zeros.tar.xz zeros; rm zeros
                truncate -s 1T hole; tar cSf hole.tar hole; rm hole
                mkdir many; cd many; touch {1..300}; cd ..; tar cf many.tar many
                head -c 900000 /dev/zero > a; for i in 1 2 3; do ln -s a $i; done; tar cf links.tar a 1 2 3
                """, in: folder)
            let limits = ArchiveTree.Limits(entries: 200, bytes: 1_000_000)
            for (name, what) in [
                ("zeros.tar.xz", "it unpacks to more than 1.0 MB"), ("hole.tar", "it unpacks to more than 1.0 MB"),
                ("many.tar", "it unpacks to more than 200 files and folders"),
                ("links.tar", "it unpacks to more than 1.0 MB"),
            ] {
                let failure = #expect(throws: DepotFailure.self) {
                    try store.unpack(archive("\(folder)/\(name)"), limits: limits)
                }
                #expect(failure?.cause == what && failure?.exitCode == .resources, "\(name): \(failure!)")
            }
            #expect(try Folder.names(in: store.lash.temporary).isEmpty)
            let usual = ArchiveTree.Limits(ofArchive: 1_000_000, free: 1 << 50)
            #expect(usual.bytes == 10_000_000_000)
            #expect(ArchiveTree.Limits(ofArchive: 1_000_000_000, free: 1 << 50).bytes == 250_000_000_000)
            #expect(ArchiveTree.Limits(ofArchive: 1_000_000_000, free: 5 << 30).bytes == 5 << 30 - 1 << 29)
        }
    }

    @Test func whatIsNoArchiveOrEncryptedOrDamagedIsTold() throws {
        try withFolder { folder, store in
            try shell(
                "echo text > a.txt; gzip -k a.txt; : > empty; mkdir d; head -c 100000 /dev/urandom > d/a; tar czf good.tar.gz d; "
                    + "head -c 60000 good.tar.gz > cut.tar.gz; zip -q -P secret locked.zip a.txt", in: folder)
            for (name, summary, code) in [
                ("a.txt", "a.txt is no archive that las unpacks", 2),
                ("a.txt.gz", "a.txt.gz is no archive that las unpacks", 2),
                ("empty", "empty is no archive that las unpacks", 2), ("cut.tar.gz", "can't unpack cut.tar.gz", 5),
                ("locked.zip", "locked.zip is encrypted", 2),
            ] {
                let failure = #expect(throws: DepotFailure.self) {
                    try store.unpack(archive("\(folder)/\(name)"), limits: nil)
                }
                #expect(failure?.summary == summary && failure?.exitCode.rawValue == Int32(code), "\(failure!)")
            }
        }
    }

    /// A bit here and there: an error or a tree, and never more than that.
    @Test(arguments: ["tar cf a d", "tar czf a d", "bsdtar -c --format zip -f a d", "bsdtar -c --format 7zip -f a d"])
    func damagedArchivesGiveAnErrorOrATree(_ command: String) throws {
        try withFolder { folder, store in
            try shell(
                "mkdir -p d/e; echo 12345 > d/a; head -c 5000 /dev/urandom > d/e/b; ln -s a d/c; \(command)", in: folder
            )
            let bytes = try File.read(folder + "/a")
            for turn in 0..<150 {
                var changed = bytes
                let place = turn * 7919 % bytes.count
                changed[place] ^= UInt8(1 << (turn % 8))
                try File.create(folder + "/changed", changed)
                _ = try? store.unpack(archive(folder + "/changed"), limits: .init(entries: 100, bytes: 1_000_000))
            }
            #expect(Set(try Folder.names(in: folder)) == ["a", "changed", "d", "lash"])
        }
    }
}
