import Digests
import Files
import Metro
import TestSupport
import Testing

@testable import Depot

@Suite struct LockTests {
    let architecture = Architecture("amd64")

    func lock(file: String = "pool/a.deb", needs: [String] = ["samtools"]) -> Lock {
        let archive = LockedArchive(
            uri: "http://example.org/debian/", suite: "stable", component: "main", date: "2026-07-11 10:16:37 UTC",
            keys: ["AB"])
        let package = LockedPackage(
            name: "samtools", version: "1.16.1-1", architecture: "amd64", archive: archive.name, file: file, size: 7,
            sha256: Digest(of: "a"))
        return Lock(
            architecture: "amd64",
            environments: [
                "main": LockedEnvironment(needs: Needs(debian: needs), archives: [archive], packages: [package])
            ])
    }

    @Test func aLockComesBackAsItWasAndIsAlwaysTheSameText() throws {
        try withScratch { folder in
            try lock().write(to: folder + "/metro.lock")
            #expect(try Lock.read(folder + "/metro.lock", update: "las lock m --update") == lock())
            #expect(try File.read(folder + "/metro.lock") == lock().text)
        }
    }

    @Test func aLockThatDoesNotFitSaysWhatChanged() throws {
        #expect(lock().misfits(["main": Needs(debian: ["samtools"])], architecture: architecture) == [])
        let changed = ["main": Needs(debian: ["bcftools"]), "qc": Needs(debian: ["fastqc"])]
        #expect(
            lock().misfits(changed, architecture: Architecture("arm64")) == [
                "the lock is for amd64, this machine is arm64", "the needs now have bcftools",
                "the needs no longer have samtools", "the needs of qc are not in the lock",
            ])
        let failure = #expect(throws: DepotFailure.self) {
            try lock().fits(changed, architecture: architecture, place: "metro.lock", update: "las lock m --update")
        }
        #expect(failure?.exitCode == .integrity)
        #expect(failure?.fix == "bring it up to date: las lock m --update")
    }

    @Test func filesOfAddressesStandInItWhereThereAreAny() throws {
        #expect(!String(decoding: lock().text, as: UTF8.self).contains("inputs"), "an older las reads it still")
        try withScratch { folder in
            let inputs = ["https://example.org/b.fa", "https://example.org/a.fa"].map {
                LockedInput(address: $0, sha256: Digest(of: $0), size: 0)
            }
            let path = folder + "/metro.lock"
            try lock().with(inputs).write(to: path)
            let read = try Lock.read(path, update: "")
            #expect(read == lock().with(inputs) && read.inputs.map(\.address) == inputs.map(\.address).reversed())
            for wrong in [
                [inputs[0], inputs[0]], [LockedInput(address: "file:///etc/passwd", sha256: inputs[0].sha256, size: 1)],
                [LockedInput(address: inputs[0].address, sha256: inputs[0].sha256, size: -1)],
            ] {
                try lock().with(wrong).write(to: path)
                #expect(throws: DepotFailure.self) { try Lock.read(path, update: "") }
            }
        }
    }

    @Test(arguments: ["../../etc/passwd", "/etc/passwd", ""]) func aLockWithAFileOutsideOfItsArchiveIsRefused(
        _ file: String
    ) throws {
        try withScratch { folder in
            try lock(file: file).write(to: folder + "/metro.lock")
            let failure = #expect(throws: DepotFailure.self) {
                try Lock.read(folder + "/metro.lock", update: "las lock m --update")
            }
            #expect(failure?.exitCode == .integrity)
        }
    }

    @Test(arguments: ["", "{}", #"{"lock": 2}"#, #"{"lock": 1}"#]) func whatIsNoLockIsRefused(_ text: String) throws {
        try withScratch { folder in
            try File.write(text, to: folder + "/metro.lock")
            let failure = #expect(throws: DepotFailure.self) {
                try Lock.read(folder + "/metro.lock", update: "las lock m --update")
            }
            #expect(failure?.fix == "make it again: las lock m --update")
        }
    }
}
