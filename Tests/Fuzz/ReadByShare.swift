import Digests
import Files
import Glibc
import HostProtocol

@testable import Workspaces

/// One end of what two machines say of a workspace: messages of a hostile one about files, links and folders of any name. They come in
/// frames as they do between machines, without the names before them.
enum ReadByShare {
    private static func make(_ folder: String, host: String, isPartial: Bool) throws -> (Replica, SharePeer) {
        try? Folder.remove(folder)
        try Folder.make(folder + "/files/d")
        try File.write("own\n", to: folder + "/files/a", syncing: false)
        try File.write(String(repeating: "long ", count: 60_000), to: folder + "/files/d/long", syncing: false)
        symlink("/etc", folder + "/files/out")
        let replica = try Replica(folder, host: host, rule: .keepBoth)
        if isPartial { replica.becomePartial() }
        _ = try replica.scan(settled: true)
        return (replica, SharePeer(replica, answers: true))
    }

    /// What one side says in a good conversation, with files of all kinds, to a machine that has some of them already.
    static var seeds: [[UInt8]] {
        [false, true].compactMap { isPartial in
            guard let (one, speaks) = try? make("/tmp/las-fuzz-seeds/one", host: "one", isPartial: false),
                let (other, hears) = try? make("/tmp/las-fuzz-seeds/other", host: "h", isPartial: isPartial)
            else { return nil }
            let files = one.folder.path
            var said: [UInt8] = []
            for round in 1...3 {
                try? File.write("\(round)\n", to: files + "/d/new", syncing: false)
                try? File.write(
                    String(repeating: "longer \(round) ", count: 50_000), to: files + "/d/long", syncing: false)
                if round == 2 { File.remove(files + "/a") }
                guard let scan = try? one.scan(settled: true) else { return nil }
                speaks.tell(scan.changed, isNews: true)
                var isMore = true
                while isMore {
                    isMore = false
                    while let message = try? speaks.next() {
                        isMore = true
                        said += Frame(kind: .share, payload: message).bytes
                        _ = try? hears.hear(message)
                    }
                    while let message = try? hears.next() {
                        isMore = true
                        _ = try? speaks.hear(message)
                    }
                }
                _ = other.map
            }
            return [isPartial ? 1 : 0] + said
        }
    }

    static func read(_ bytes: [UInt8], in scratch: String) {
        guard let kind = bytes.first,
            let (replica, peer) = try? make(scratch + "/share", host: "h", isPartial: kind & 1 == 1)
        else { return }
        defer { peer.end() }
        var reader = FrameReader()
        reader.feed(bytes.dropFirst())
        do {
            while try peer.next() != nil {}
            while let frame = try reader.take() {
                _ = try peer.hear(frame.payload)
                while try peer.next() != nil {}
            }
            // What lies there now is what is known of it.
            let scan = try replica.scan(settled: true)
            peer.tell(scan.changed, isNews: true)
            while try peer.next() != nil {}
        } catch {}
    }
}
