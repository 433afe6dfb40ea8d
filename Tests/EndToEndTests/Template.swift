import Files
import JSON
import TestSupport
import Testing

/// A template, made and run as its README says, with results to look at.
struct Template {
    let folder: String
    let las: LasCommand

    var metro: String { folder + "/metro" }
    var results: String { folder + "/results" }

    init(_ name: String, in folder: String) throws {
        (self.folder, las) = (folder, LasCommand(in: folder))
        let made = try las("new", name, "metro")
        try #require(made.status == 0, "\(made.errors)")
    }

    @discardableResult
    func run(_ more: String...) throws -> Program.Ended {
        let ended = try las(["run", "metro"] + more)
        try #require(ended.status == 0, "\(ended.errors)")
        return ended
    }

    func text(_ path: String) throws -> String {
        String(decoding: try File.read("\(results)/\(path)"), as: UTF8.self)
    }

    func lines(_ path: String) throws -> [String] { try text(path).split(separator: "\n").map(String.init) }

    /// What a package of the lock brought, unpacked by dpkg: a folder.
    func unpacked(_ package: String) throws -> String {
        let lock = try JSONText.parse(try File.read(metro + "/metro.lock"))
        let environments = try #require(lock["environments"]?.object)
        let packages = environments.sorted { $0.key < $1.key }.flatMap { $0.value["packages"]?.array ?? [] }
        let digest = try #require(packages.first { $0["name"]?.string == package }?["sha256"]?.string)
        let root = "\(folder)/unpacked-\(package)"
        let ended = try Program("dpkg").run("-x", "\(BuiltPrograms.lash)/packages/\(digest).deb", root)
        try #require(ended.status == 0, "\(ended.errors)")
        return root
    }

    /// What a judge written in Python says.
    func judge(_ script: String, _ arguments: String...) throws -> [String] {
        try File.write(script, to: folder + "/judge.py")
        let ended = try Program("python3", folder: folder).run([folder + "/judge.py"] + arguments)
        try #require(ended.status == 0, "\(ended.errors)")
        return ended.lines
    }
}

/// Reads a page strictly: every tag closed in its turn, nothing taken from elsewhere. Prints each row of each table, and the
/// words of the first picture.
let pageJudge = """
    import sys
    from html.parser import HTMLParser

    class Page(HTMLParser):
        void = {"meta", "link", "img", "br", "hr", "input"}
        def __init__(self):
            super().__init__()
            self.open, self.table, self.row, self.words, self.pictures = [], "", [], [], 0
        def handle_starttag(self, tag, attributes):
            for name, value in attributes:
                if name in ("src", "href", "xlink:href") and not value.startswith(("#", "data:")):
                    assert sys.argv[2:] == ["beside"] and ":" not in value, f"{tag} takes {value} from elsewhere"
                    print("takes", value)
            assert tag not in ("script", "iframe", "object"), tag
            if tag not in self.void: self.open.append(tag)
            if tag == "br" and self.row: self.row[-1] += " "
            if tag == "svg": self.pictures += 1
            if tag == "table": self.table = dict(attributes).get("id", "")
            if tag == "tr": self.row = []
            if tag in ("td", "th"): self.row.append("")
        def handle_startendtag(self, tag, attributes):
            if tag in self.void: self.handle_starttag(tag, attributes)
        def handle_endtag(self, tag):
            if tag in self.void: return
            assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open} at {self.getpos()}"
            self.open.pop()
            if tag == "tr": print(self.table, "|".join(self.row))
        def handle_data(self, data):
            if self.open and self.open[-1] in ("td", "th", "b", "a") and self.row: self.row[-1] += data
            if "svg" in self.open and data.strip(): self.words.append(data.strip())
            if self.open and self.open[-1] in ("h1", "title") and data.strip(): print(self.open[-1], data.strip())

    page = Page()
    page.feed(open(sys.argv[1], encoding="utf-8").read())
    page.close()
    assert not page.open, page.open
    print("pictures", page.pictures)
    print("picture says", "|".join(page.words))
    """
