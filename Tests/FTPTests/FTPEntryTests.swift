import Testing
import Workspaces

@testable import FTP

@Suite struct FTPEntryTests {
    private func entry(_ line: String) -> FTPEntry? { FTPEntry(line: Array(line.utf8)[...]) }

    @Test func aLineIsAFileOrAFolder() {
        let file = entry("modify=20261127134944.5;size=17;type=file;unique=fe00g1; a b;c\r")
        #expect(file?.name == "a b;c")
        #expect(
            file?.item.isFolder == false
                && file?.item.stamp
                    == .init(
                        unique: file?.unique ?? 0, size: 17, modified: 1_795_787_384_500_000_000)
        )
        #expect(entry("Type=DIR;Modify=20240229000000; ä")?.item.isFolder == true)
        // A space at the beginning of a name belongs to it.
        #expect(entry("type=file;size=0;modify=19700101000000;  x")?.name == " x")
        #expect(entry("type=file;size=0;modify=19700101000000; x")?.item.stamp.isAtBeginning == true)
    }

    @Test(arguments: [
        "", "x", "type=cdir;modify=20261127134944; .", "type=pdir; ..", "type=OS.unix=symlink;size=1; x",
        "type=file;modify=20261127134944; x", "type=file;size=-1;modify=20261127134944; x",
        "type=file;size=1;modify=2026112713494; x", "type=file;size=1;modify=20261327134944; x",
        "type=file;size=1;modify=20261127134944; ", "type=file;size=1;modify=20261127134944; a\u{1B}[2J",
        "drwxr-xr-x 2 root root 4096 Nov 27 13:49 deep dir",
    ])
    func whatIsNeitherIsLeftOut(_ line: String) { #expect(entry(line) == nil) }
}

extension Stamp {
    fileprivate var isAtBeginning: Bool { self == Stamp(unique: 0, size: 0, modified: 0) }
}
