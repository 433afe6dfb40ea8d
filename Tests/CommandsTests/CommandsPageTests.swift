import Files
import Glibc
import Testing

@testable import Commands

@Suite struct CommandsPageTests {
    @Test func thePageIsWhatTheTableGives() throws {
        let page = File.parent(of: File.parent(of: File.parent(of: #filePath))) + "/docs/commands.md"
        let text = CommandsPage.text(CommandTable.all)
        if getenv("LAS_RENEW") != nil { try File.write(text, to: page) }
        #expect(text == String(decoding: try File.read(page), as: UTF8.self), "scripts/commands-page writes it anew")
    }

    @Test func whatIsForScriptsIsNotInIt() {
        #expect(!CommandsPage.text(CommandTable.all).contains("las complete`"))
    }
}
