import Digests
import Failures
import HostProtocol
import Plan
import Testing

@Suite struct FrameTests {
    let frames = [
        Frame(.hello, json: Hello(version: 1, program: "las 0.1.0", host: nil)),
        Frame(kind: .extents, payload: []),
        Frame(kind: .data, payload: [UInt8](repeating: 7, count: Frame.dataChunk)),
        Frame(.done, json: Done()),
    ]

    @Test(arguments: [1, 3, 4096, 1 << 20])
    func framesComeBackHoweverTheirBytesAreCut(_ step: Int) throws {
        let bytes = frames.flatMap(\.bytes)
        var reader = FrameReader()
        var taken: [Frame] = []
        for position in stride(from: 0, to: bytes.count, by: step) {
            reader.feed(bytes[position..<min(position + step, bytes.count)])
            while let frame = try reader.take() { taken.append(frame) }
        }
        #expect(taken == frames)
        #expect(reader.isEmpty)
    }

    @Test(arguments: [1, 3, 4096, 1 << 20])
    func theBytesOfDataFramesComeAsTheyAreThere(_ step: Int) throws {
        let bytes = frames.flatMap(\.bytes)
        var reader = FrameReader()
        var (others, data, ends): ([Frame], [UInt8], Int) = ([], [], 0)
        for position in stride(from: 0, to: bytes.count, by: step) {
            let piece = Array(bytes[position..<min(position + step, bytes.count)])
            var given = 0
            while given < piece.count {
                let count = reader.fill { room in
                    let count = min(room.count, piece.count - given)
                    room.copyBytes(from: piece[given..<given + count])
                    return count
                }
                given += count
                while let taken = try reader.take({ data += $0 }) {
                    switch taken {
                    case .frame(let frame): others.append(frame)
                    case .piece(let isLast): ends += isLast ? 1 : 0
                    }
                }
            }
        }
        #expect(others == frames.filter { $0.kind != .data })
        #expect(data == frames[2].payload)
        #expect(ends == 1)
        #expect(reader.isEmpty)
    }

    /// What nobody wants of a frame that was begun is passed over, however it comes.
    @Test(arguments: [1, 3, 4096, 1 << 20])
    func theRestOfADataFrameIsPassedOver(_ step: Int) throws {
        let bytes = frames[2].bytes + frames[3].bytes
        var reader = FrameReader()
        reader.feed(bytes[..<100])
        #expect(throws: Refusal.self) {
            try reader.take { _ in throw Refusal(summary: "no", cause: nil, exitCode: .resources) }
        }
        #expect(!reader.isEmpty)
        var taken: [Frame] = []
        for position in stride(from: 100, to: bytes.count, by: step) {
            reader.feed(bytes[position..<min(position + step, bytes.count)])
            while let frame = try reader.take() { taken.append(frame) }
        }
        #expect(taken == [frames[3]])
        #expect(reader.isEmpty)
    }

    @Test func aFrameIsItsLengthItsKindAndItsPayload() {
        #expect(Frame(.done, json: Done()).bytes == [0, 0, 0, 2, 18] + Array("{}".utf8))
    }

    @Test func whatAShellPrintsIsShownAndNotTakenForAFrame() throws {
        var reader = FrameReader()
        reader.feed(Array("Welcome to \u{1b}[31mhost7\nlast login".utf8))
        let failure = #expect(throws: ProtocolFailure.self) { try reader.take() }
        #expect(failure == .notFrames(text: "Welcome to ?[31mhost7"))
        #expect(failure?.exitCode == .unreachable)
    }

    @Test func aFrameLargerThanTheBoundIsRefusedBeforeItIsHeld() throws {
        var reader = FrameReader()
        reader.feed(Frame(.done, json: Done()).bytes + [0, 0x10, 0, 1, 7])
        #expect(try reader.take() != nil)
        #expect(throws: ProtocolFailure.tooLarge(length: Frame.largestPayload + 1)) { try reader.take() }
    }

    @Test func anUnknownKindIsRefused() throws {
        var reader = FrameReader()
        reader.feed(Frame(.done, json: Done()).bytes + [0, 0, 0, 0, 200])
        #expect(try reader.take() != nil)
        #expect(throws: ProtocolFailure.unknownKind(200)) { try reader.take() }
    }

    @Test func aRefusalInTheAnswersPlaceIsThrown() throws {
        let refusal = Refusal(summary: "no space", cause: "disk full", exitCode: .resources)
        #expect(throws: refusal) {
            try Frame(.refusal, json: refusal).expect(.done, Done.self, awaited: "the host's answer")
        }
        #expect(throws: ProtocolFailure.unexpected(kind: .hello, awaited: "an answer")) {
            try frames[0].expect(.done, Done.self, awaited: "an answer")
        }
    }

    @Test func anotherVersionIsRefusedKindly() {
        let failure = #expect(throws: ProtocolFailure.self) {
            try Hello(version: 9, program: "las-runtime 9.0\u{7}", host: nil).checkVersion()
        }
        #expect(
            failure?.summary
                == "las-runtime 9.0\u{FFFD} speaks version 9 of the host protocol, this las speaks version \(Frame.version)"
        )
    }

    @Test func eventsAndRunNamesAreReadBack() throws {
        var event = RunEvent(sequence: 3, time: 1.5, kind: .taskDone)
        event.task = TaskID("align/s1")
        event.files = [
            .init(path: "s1.bam", size: 10, digest: Digest(of: "x")), .init(path: "d", size: 0, digest: nil),
        ]
        #expect(try Frame(.event, json: event).decode(RunEvent.self) == event)
        for name in ["", ".x", "-x", "a/b", "a b", "a\n", String(repeating: "a", count: 129)] {
            #expect(RunID(name) == nil)
        }
        for metro in ["hello", "Größe/../x y", String(repeating: "é", count: 500), ""] {
            #expect(RunID(RunID(for: metro).name) != nil)
        }
        #expect(throws: ProtocolFailure.self) {
            try Frame(kind: .follow, payload: Array(#"{"run":"../x","from":1}"#.utf8)).decode(Follow.self)
        }
    }
}
