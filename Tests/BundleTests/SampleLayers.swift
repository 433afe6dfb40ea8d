import Digests
import Files
import Layers
import TestSupport
import Testing

/// Layers made of folders of this machine, as the store would hold them.
enum SampleLayers {
    /// Every file, folder and link below `folder`; further names of a file are hard links.
    static func layer(of folder: String, named name: String, removing removed: [String] = []) throws -> Layer {
        var entries: [LayerEntry] = []
        var seen: [UInt64: RelativePath] = [:]
        func walk(_ below: String) throws {
            for name in try Folder.names(in: "\(folder)/\(below)") {
                let text = below.isEmpty ? name : "\(below)/\(name)"
                let path = try #require(RelativePath(text))
                let status = try #require(File.status("\(folder)/\(text)"))
                let kind: LayerEntry.Kind
                switch status.kind {
                case .folder: kind = .folder
                case .link: kind = .link(target: try target("\(folder)/\(text)"))
                case .file:
                    if let first = seen[status.inode] {
                        kind = .hardLink(to: first)
                    } else {
                        kind = .file(size: status.size)
                        if status.links > 1 { seen[status.inode] = path }
                    }
                case .other: continue
                }
                entries.append(
                    LayerEntry(path: path, kind: kind, mode: UInt16(status.mode), modified: status.modified))
                if kind == .folder { try walk(text) }
            }
        }
        try walk("")
        for path in removed {
            entries.append(
                LayerEntry(path: try #require(RelativePath(path)), kind: .removed, mode: 0, modified: 0))
        }
        entries.sort { $0.path < $1.path }
        let digest = Digest(of: entries.map { "\($0)" }.joined())
        return Layer(digest: digest, name: name, tree: folder, entries: entries)
    }

    private static func target(_ path: String) throws -> String {
        try Program("readlink").run("-n", path).output
    }

    /// A folder with what tends to go wrong: sizes around a block's, holes, links, odd names, many names.
    static func makeOddFolder(_ folder: String) throws {
        let script = #"""
            set -eu
            mkdir -p "$1/sub/deep/er" "$1/many" "$1/empty folder" && cd "$1"
            : > empty
            head -c 131071 /dev/urandom > below-a-block
            head -c 131072 /dev/urandom > a-block
            head -c 131073 /dev/urandom > above-a-block
            head -c 1000000 /dev/urandom > blocks
            yes 'something that compresses well' | head -c 3000000 > compressible
            head -c 262144 /dev/zero > zeros
            truncate -s 5M holes && printf end >> holes && printf x | dd of=holes bs=1 seek=2000000 conv=notrunc status=none
            truncate -s 300000 only-a-hole
            ln a-block sub/same-as-a-block
            ln compressible sub/deep/same
            ln below-a-block sub/deep/er/same-small
            ln -s ../a-block sub/link
            ln -s /nowhere/at/all dangling
            ln -s "$(head -c 3000 /dev/zero | tr '\0' x)" long-target
            printf 1 > "ümlaut ☃ と.txt"; printf 2 > "new
            line"; printf 3 > " leading"; printf 4 > "-dash"; printf 5 > 'quote"$`'
            touch "$(head -c 255 /dev/zero | tr '\0' n)"
            for i in $(seq 400); do echo "$i" > "many/file-with-a-rather-long-name-$i"; done
            printf '#!/bin/sh\n' > program; chmod 755 program; chmod 600 blocks; chmod 4755 a-block; chmod 1777 many
            find . -exec touch -h -d '2001-02-03 04:05:06 UTC' {} +
            """#
        let ended = try Program("bash").run("-c", script, "-", folder)
        try #require(ended.status == 0, "\(ended.errors)")
    }

    /// A listing of kinds, modes, sizes, times, targets and digests, for comparing trees; setuid bits left out.
    static func listing(of folder: String) throws -> String {
        let script = #"""
            cd "$1"
            find . -mindepth 1 ! -type d -printf '%P\t%y\t%m\t%s\t%T@\t%l\t%n\n' | LC_ALL=C sort
            find . -mindepth 1 -type d -printf '%P\t%y\t%m\t%T@\n' | LC_ALL=C sort
            find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum -b
            """#
        let ended = try Program("bash").run("-c", script, "-", folder)
        try #require(ended.status == 0, "\(ended.errors)")
        return ended.output.replacing("\t4755\t", with: "\t755\t").replacing(".0000000000", with: "")
    }

    /// Tells the first lines that differ.
    static func expectSame(_ found: String, _ wanted: String) throws {
        let lines = (
            found: try listing(of: found).split(separator: "\n"), wanted: try listing(of: wanted).split(separator: "\n")
        )
        let difference = lines.found.difference(from: lines.wanted)
        let told = difference.prefix(20).map { change in
            switch change {
            case .insert(_, let line, _): "found:  \(line)"
            case .remove(_, let line, _): "wanted: \(line)"
            }
        }
        #expect(told.isEmpty, "\(told.joined(separator: "\n"))")
    }
}
