import Testing

@testable import Metro

@Suite struct FileServerTests {
    @Test func anAddressIsReadOnce() throws {
        let server = try FileServer("ftp://alice@ftp.example.org:2121/lab/my%20panel/", secret: "FTP_PASSWORD")
        #expect(server.security == .offered && server.user == "alice" && server.host == "ftp.example.org:2121")
        #expect(server.folders == ["lab", "my panel"])
        #expect(try FileServer("ftpes://h/x").security == .demanded && FileServer("ftps://h/x").security == .implied)
        #expect(try FileServer("ftp://h").folders == [] && FileServer("ftp://h/").folders == [])
        #expect(try FileServer("ftp://h//srv/panel").folders == ["", "srv", "panel"])
        #expect(try FileServer("ftp://a%40b.org@[::1]/ä b").user == "a@b.org")
    }

    @Test(arguments: [
        "ftp:/h/x", "http://h/x", "ftp://", "ftp:///x", "ftp://alice:pw@h/x", "ftp://alice:@h/x", "ftp://@h/x",
        "ftp://h/../x", "ftp://h/a/%2e%2e", "ftp://h/a%2Fb", "ftp://h/a%0D%0ADELE%20x", "ftp://h/a\nb", "ftp://h/%zz",
        "ftp://h/%F", "ftp://h/%FF", "ftp://h x/y", "ftp://-h/x", "ftp://h\r\n/x",
    ]) func whatIsNoneIsRefused(_ text: String) {
        #expect(throws: FileServer.Mistake.self) { try FileServer(text) }
    }

    @Test func noPasswordIsSaidAgain() throws {
        let mistake = try #require(throws: FileServer.Mistake.self) { try FileServer("ftp://alice:hunter2@h/x") }
        #expect(!mistake.message.contains("hunter2") && !mistake.fix.contains("hunter2"))
    }

    @Test func oneFolderIsNotTwo() throws {
        let panel = try FileServer("ftp://h/panel")
        #expect(try !panel.isBeside(FileServer("ftp://bob@h/panel/")))
        #expect(try !panel.isBeside(FileServer("ftp://h/panel/deep")) && !panel.isBeside(FileServer("ftp://h/")))
        #expect(try panel.isBeside(FileServer("ftp://h/panel2")) && panel.isBeside(FileServer("ftp://g/panel")))
    }
}
