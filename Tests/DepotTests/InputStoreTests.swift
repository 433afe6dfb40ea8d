import Digests
import Files
import Metro
import Synchronization
import TestSupport
import Testing

@testable import Depot

#if canImport(Glibc)
    import Glibc
#endif

/// Files of the web, from a real server that also does what servers do wrong.
@Suite(.enabled(if: WebServer.missing == nil)) struct InputStoreTests {
    struct Bench {
        let server: WebServer
        let store: InputStore
        let bytes: [UInt8]

        func wanted(_ path: String, _ locked: LockedInput? = nil, line: Int = 4) throws -> InputStore.Wanted {
            let address = try WebAddress(path.contains("://") ? path : server.address + path)
            return InputStore.Wanted(address, locked: locked, place: "metro.yml:\(line):6", input: "reads")
        }

        func fetch(_ wanted: InputStore.Wanted...) async throws -> [InputStore.Kept] {
            try await store.fetch(wanted, update: "las lock m --update")
        }

        func locked(_ path: String, _ bytes: [UInt8]? = nil) -> LockedInput {
            let bytes = bytes ?? self.bytes
            return LockedInput(
                address: server.address + path, sha256: Digest(of: bytes), size: Int64(bytes.count))
        }

        func failure(_ wanted: InputStore.Wanted...) async throws -> DepotFailure {
            let error = await #expect(throws: DepotFailure.self) {
                try await store.fetch(wanted, update: "las lock m --update")
            }
            return try #require(error)
        }

        /// What the server was asked for since the last time.
        func ranges() -> [String] {
            server.requests.filter { $0.contains(" ") }.map { String($0.split(separator: " ")[1]) }
        }
    }

    func withBench(isSecure: Bool = false, _ body: (Bench) async throws -> Void) async throws {
        try await withScratch { folder in
            let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 * 7 + $0 / 256) }
            try Folder.make(folder + "/www")
            try File.write(bytes, to: folder + "/www/a.bin")
            try File.write("", to: folder + "/www/empty.txt")
            let server = try WebServer(of: folder + "/www", isSecure: isSecure)
            defer { server.stop() }
            try await body(Bench(server: server, store: InputStore(LASH(root: folder + "/lash")), bytes: bytes))
        }
    }

    @Test func aFileIsFetchedOnceAndKeptByItsDigest() async throws {
        try await withBench { bench in
            let first = try await bench.fetch(
                bench.wanted("/files/a.bin"), bench.wanted("/files/empty.txt"), bench.wanted("/unsized/a.bin"),
                bench.wanted("/files/a.bin"))
            #expect(
                first.map(\.locked) == [
                    bench.locked("/files/a.bin"), bench.locked("/files/empty.txt", []), bench.locked("/unsized/a.bin"),
                    bench.locked("/files/a.bin"),
                ])
            #expect(first[0].path == first[2].path && first[0].path == first[3].path)
            #expect(try File.read(first[0].path) == bench.bytes)
            #expect(bench.server.requests.count == 3)
            bench.server.stop()
            // With the lock and the file there, no network is needed.
            let again = try await bench.fetch(bench.wanted("/files/a.bin", first[0].locked))
            #expect(again.map(\.path) == [first[0].path])
        }
    }

    @Test func aKeptFileThatWasDamagedIsFetchedAgain() async throws {
        try await withBench { bench in
            let kept = try await bench.fetch(bench.wanted("/files/a.bin"))[0]
            chmod(kept.path, 0o644)
            try File.write([UInt8](repeating: 0, count: 300_000), to: kept.path)
            let again = try await bench.fetch(bench.wanted("/files/a.bin", kept.locked))
            #expect(try File.read(again[0].path) == bench.bytes)
        }
    }

    @Test func whatHasNotChangedDoesNotComeAgain() async throws {
        try await withBench { bench in
            let kept = try await bench.fetch(bench.wanted("/files/a.bin"))[0]
            let again = try await bench.fetch(bench.wanted("/files/a.bin"))[0]
            #expect(again.locked == kept.locked && again.path == kept.path)
            #expect(bench.server.requests.count == 2, "it was asked whether it is the same")
            try File.write("new", to: bench.server.folder + "/a.bin")
            let new = try await bench.fetch(bench.wanted("/files/a.bin"))[0]
            #expect(new.locked == bench.locked("/files/a.bin", Array("new".utf8)))
            #expect(File.exists(kept.path), "other metros may have locked the old one")
        }
    }

    @Test(arguments: ["/cut/100000/a.bin", "/always-cut/100000/a.bin"])
    func aTransferThatBreaksOffGoesOnByItsVersion(_ path: String) async throws {
        try await withBench { bench in
            let kept = try await bench.fetch(bench.wanted(path))
            #expect(kept.map(\.locked) == [bench.locked(path)])
            #expect(bench.ranges().first == "bytes=100000-")
            #expect(bench.ranges().count == (path.hasPrefix("/cut") ? 1 : 2))
        }
    }

    @Test(arguments: [true, false]) func aLaterRunGoesOnWhereTheLastOneStopped(_ isLocked: Bool) async throws {
        try await withBench { bench in
            let address = try WebAddress(bench.server.address + "/files/a.bin")
            let part = "\(bench.store.lash.inputs)/address-\(Digest(of: address.request).hex).new.part"
            try Folder.make(bench.store.lash.inputs)
            try File.write(bench.bytes.prefix(200_000), to: part)
            let tag = Digest(of: bench.bytes).hex.prefix(16)
            try File.write(#"{"entityTag":"\"\#(tag)\""}"#, to: part + ".of")
            let kept = try await bench.fetch(
                bench.wanted("/files/a.bin", isLocked ? bench.locked("/files/a.bin") : nil))
            #expect(kept[0].locked == bench.locked("/files/a.bin"))
            #expect(bench.ranges() == ["bytes=200000-"])
            let left = try Folder.names(in: bench.store.lash.inputs).filter { $0.contains("part") }
            #expect(left == [])
        }
    }

    @Test func aFileThatChangedInBetweenBeginsAnew() async throws {
        try await withBench { bench in
            let address = try WebAddress(bench.server.address + "/files/a.bin")
            let part = "\(bench.store.lash.inputs)/address-\(Digest(of: address.request).hex).new.part"
            try Folder.make(bench.store.lash.inputs)
            try File.write([UInt8](repeating: 1, count: 1000), to: part)
            try File.write(#"{"entityTag":"\"of another version\""}"#, to: part + ".of")
            #expect(try await bench.fetch(bench.wanted("/files/a.bin"))[0].locked == bench.locked("/files/a.bin"))
            #expect(bench.ranges() == ["bytes=1000-"])
            // A server that knows no versions: what it sent before is worth nothing.
            let plain = try WebAddress(bench.server.address + "/plain/a.bin")
            try File.write(
                [UInt8](repeating: 1, count: 1000),
                to: "\(bench.store.lash.inputs)/address-\(Digest(of: plain.request).hex).new.part")
            #expect(try await bench.fetch(bench.wanted("/plain/a.bin"))[0].locked == bench.locked("/plain/a.bin"))
            #expect(bench.ranges() == ["bytes=1000-"])
            // By the digest it may go on; the server sends all of it.
            try File.write(
                [UInt8](repeating: 1, count: 1000),
                to: "\(bench.store.lash.inputs)/address-\(Digest(of: plain.request).hex).new.part")
            try Folder.remove(bench.store.path(of: Digest(of: bench.bytes)))
            let kept = try await bench.fetch(bench.wanted("/plain/a.bin", bench.locked("/plain/a.bin")))
            #expect(try File.read(kept[0].path) == bench.bytes)
        }
    }

    @Test func aPieceThatWasNotAskedForIsNotTaken() async throws {
        try await withBench { bench in
            let address = try WebAddress(bench.server.address + "/wrong-range/a.bin")
            let part = "\(bench.store.lash.inputs)/address-\(Digest(of: address.request).hex).new.part"
            try Folder.make(bench.store.lash.inputs)
            try File.write(bench.bytes.prefix(1000), to: part)
            let kept = try await bench.fetch(bench.wanted("/wrong-range/a.bin", bench.locked("/wrong-range/a.bin")))
            #expect(try File.read(kept[0].path) == bench.bytes, "the second time from its beginning")
        }
    }

    @Test func anotherFileThanTheLockNamesIsRefused() async throws {
        try await withBench { bench in
            for other in [Array("other".utf8), bench.bytes.dropLast() + [0]] {
                let failure = try await bench.failure(
                    bench.wanted("/files/a.bin", bench.locked("/files/a.bin", other)))
                #expect(failure.exitCode == .integrity && failure.place == "metro.yml:4:6")
                #expect(
                    failure.summary == "\(bench.server.address)/files/a.bin is no longer the file that metro.lock names"
                )
                #expect(
                    failure.fix
                        == "to take what is there now: las lock m --update; else find the old file and name it: --input reads=FILE"
                )
            }
            // Of the length of the locked one, so that only its bytes tell; of another length, it need not come at all.
            #expect(try Folder.names(in: bench.store.lash.inputs) == [])
        }
    }

    @Test func redirectionsAreFollowedWithinBounds() async throws {
        try await withBench { bench in
            let kept = try await bench.fetch(bench.wanted("/to/%2Ffiles%2Fa.bin"))
            #expect(try File.read(kept[0].path) == bench.bytes)
            let loop = try await bench.failure(bench.wanted("/loop"))
            #expect(loop.exitCode == .unreachable && loop.cause?.contains("more than 5 times") == true)
            let file = try await bench.failure(bench.wanted("/to/file:%2F%2F%2Fetc%2Fpasswd"))
            #expect(file.cause?.contains("an address that las does not follow") == true, "\(file)")
        }
    }

    @Test func whatTheServerSaysIsToldWithThePlaceOfTheInput() async throws {
        try await withBench { bench in
            let missing = try await bench.failure(bench.wanted("/files/none.txt"))
            #expect(missing.summary == "there is no \(bench.server.address)/files/none.txt")
            #expect(missing.place == "metro.yml:4:6" && missing.cause == "the server answered 404")
            #expect(missing.exitCode == .unreachable)
            #expect(missing.fix == "check the address, or fetch it yourself and name the file: --input reads=FILE")
            let forbidden = try await bench.failure(bench.wanted("/status/403"))
            #expect(forbidden.summary.hasSuffix("to everybody") && forbidden.exitCode == .unreachable)
            let dead = try await bench.failure(bench.wanted("http://127.0.0.1:1/a"))
            #expect(dead.summary == "can't fetch http://127.0.0.1:1/a" && dead.exitCode == .unreachable)
            let huge = try await bench.failure(bench.wanted("/huge"))
            #expect(huge.summary.hasSuffix("/huge is too large") && huge.exitCode == .resources)
            let two = try await bench.failure(bench.wanted("/status/404"), bench.wanted("/status/410", line: 7))
            #expect(two.summary == "2 of 2 files of inputs can't be had")
            #expect(two.cause?.contains("metro.yml:7:6: there is no ") == true)
        }
    }

    @Test func aCertificateThatNobodyVouchesForIsRefused() async throws {
        try await withBench(isSecure: true) { bench in
            let failure = try await bench.failure(bench.wanted("/files/a.bin"))
            #expect(failure.exitCode == .unreachable)
            #expect(failure.cause?.lowercased().contains("certificate") == true, "\(failure)")
            #expect(bench.server.requests.isEmpty)
        }
    }

    @Test func progressIsTold() async throws {
        try await withBench { bench in
            let told = Mutex<[DepotProgress]>([])
            let store = InputStore(bench.store.lash) { event in
                if case .progress(let progress) = event { told.withLock { $0.append(progress) } }
            }
            _ = try await store.fetch([bench.wanted("/files/a.bin")], update: "")
            let last = told.withLock { $0.last }
            #expect(last == DepotProgress(.inputs, done: 300_000, total: 300_000, what: ""))
        }
    }
}
