internal import Files

/// A folder with what tends to go wrong in archives and images, and a way to compare two trees.
package enum SampleTree {
    /// Makes one with sizes around a block's, holes, links, odd names, many names.
    package static func makeOddFolder(_ folder: String) throws {
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
            printf 6 > $'\303\251'; printf 7 > $'e\314\201'; mkdir $'\314\201' && printf 8 > $'\314\201/\314\202'
            touch "$(head -c 255 /dev/zero | tr '\0' n)"
            for i in $(seq 400); do echo "$i" > "many/file-with-a-rather-long-name-$i"; done
            printf '#!/bin/sh\n' > program; chmod 755 program; chmod 600 blocks; chmod 4755 a-block; chmod 1777 many
            find . -exec touch -h -d '2001-02-03 04:05:06 UTC' {} +
            """#
        let ended = try Program("bash").run("-c", script, "-", folder)
        if ended.status != 0 { throw SampleFailure(text: ended.errors) }
    }

    /// Whether the file system of the tests' folders has extended attributes.
    package static let hasAttributes: Bool = {
        let isGiven = try? withScratch("attributes") { folder in
            try FileAttribute.give([FileAttribute(name: "user.a", value: [1])], to: folder)
            return try !File.attributes(of: folder).isEmpty
        }
        return isGiven == true
    }()

    /// Gives files and a folder attributes: none, one that is empty, bytes that are no text, a long one that two files have.
    package static func giveAttributes(_ folder: String) throws {
        let script = #"""
            import os, sys
            os.chdir(sys.argv[1])
            os.makedirs("with/in"); os.symlink("long", "with/link")
            for name in ("none", "one", "long", "in/long too", "in/alike"): open("with/" + name, "w").write(name)
            os.link("with/one", "with/two")
            for name in ("with/one", "with/in/alike"):
                os.setxattr(name, "user.empty", b""); os.setxattr(name, "user.bytes", bytes(range(256)))
            for name in ("with/long", "with/in/long too"): os.setxattr(name, "user.long", b"l" * 2000)
            os.setxattr("with/in/long too", "user.first-of.two", b"1"); os.setxattr("with/in", "user.folder", b"f")
            for above, folders, files in os.walk(".", topdown=False):
                for name in folders + files: os.utime(os.path.join(above, name), (1e9, 1e9), follow_symlinks=False)
            """#
        let ended = try Program("python3").run("-c", script, folder)
        if ended.status != 0 { throw SampleFailure(text: ended.errors) }
    }

    /// A line for each attribute of each file and folder: its path, its name, and its bytes.
    package static func attributes(of folder: String) throws -> [String] {
        let script = #"""
            import os, sys
            os.chdir(sys.argv[1])
            for above, folders, files in os.walk("."):
                for path in [os.path.join(above, name) for name in folders + files]:
                    for name in os.listxattr(path, follow_symlinks=False):
                        print(path, name, os.getxattr(path, name, follow_symlinks=False).hex())
            """#
        let ended = try Program("python3").run("-c", script, folder)
        if ended.status != 0 { throw SampleFailure(text: ended.errors) }
        return ended.lines.sorted()
    }

    /// A listing of kinds, modes, sizes, times, targets and digests, for comparing trees; setuid bits left out.
    package static func listing(of folder: String) throws -> String {
        let script = #"""
            cd "$1" || exit 1
            find . -mindepth 1 ! -type d -printf '%P\t%y\t%m\t%s\t%T@\t%l\t%n\n' | LC_ALL=C sort
            find . -mindepth 1 -type d -printf '%P\t%y\t%m\t%T@\n' | LC_ALL=C sort
            find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum -b
            """#
        let ended = try Program("bash").run("-c", script, "-", folder)
        if ended.status != 0 { throw SampleFailure(text: ended.errors) }
        return ended.output.replacing("\t4755\t", with: "\t755\t").replacing(".0000000000", with: "")
    }

    /// The lines of the listings that differ, at most twenty.
    package static func differences(_ found: String, _ wanted: String) throws -> [String] {
        let (found, wanted) = (try listing(of: found), try listing(of: wanted))
        let difference = found.split(separator: "\n").difference(from: wanted.split(separator: "\n"))
        return difference.prefix(20).map { change in
            switch change {
            case .insert(_, let line, _): "found:  \(line)"
            case .remove(_, let line, _): "wanted: \(line)"
            }
        }
    }
}

package struct SampleFailure: Error, CustomStringConvertible {
    let text: String
    package var description: String { text }
}
