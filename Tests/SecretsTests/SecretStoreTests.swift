import Failures
import Files
import TestSupport
import Testing

@testable import Secrets

@Suite struct SecretStoreTests {
    private func store(_ folder: String, passphrase: String? = nil) -> SecretStore {
        SecretStore(LASH(root: folder + "/lash")) { _ in passphrase }
    }

    @Test func whatIsKeptComesBackToWhoHasTheKey() throws {
        try withScratch { folder in
            let store = store(folder)
            #expect(try store.names() == [])
            try store.set("TOKEN", Array("tomato-4711".utf8))
            try store.set("OTHER", Array("ünïcode\nof two lines".utf8))
            #expect(try store.names() == ["OTHER", "TOKEN"])
            #expect(try store.values(of: ["TOKEN"]) == ["TOKEN": Array("tomato-4711".utf8)])
            #expect(try store.values(of: ["OTHER"]) == ["OTHER": Array("ünïcode\nof two lines".utf8)])
            for path in [store.file, store.keyFile] { #expect(File.status(path)?.mode == 0o600) }
            let text = String(decoding: try File.read(store.file), as: UTF8.self)
            #expect(!text.contains("tomato"))
            #expect(try store.remove("OTHER"))
            #expect(try !store.remove("OTHER"))
            #expect(try store.names() == ["TOKEN"])
        }
    }

    @Test func aSecretThatIsNotThereIsNamed() throws {
        try withScratch { folder in
            let failure = #expect(throws: SecretFailure.self) { try store(folder).values(of: ["TOKEN"]) }
            #expect(failure?.summary == "there is no secret “TOKEN” here")
            #expect(failure?.fix == "las secret set TOKEN")
        }
    }

    @Test func aPassphraseTakesThePlaceOfTheKey() throws {
        try withScratch { folder in
            try store(folder).set("TOKEN", Array("tomato".utf8))
            try store(folder).protect(by: "open, sesame")
            #expect(!File.exists(store(folder).keyFile))
            #expect(
                try store(folder, passphrase: "open, sesame").values(of: ["TOKEN"])["TOKEN"] == Array("tomato".utf8))
            let wrong = #expect(throws: SecretFailure.self) {
                try store(folder, passphrase: "open, barley").values(of: ["TOKEN"])
            }
            #expect(wrong?.summary == "this is not the passphrase of the secrets")
            #expect(throws: SecretFailure.self) { try store(folder).values(of: ["TOKEN"]) }
            // Names need no passphrase.
            #expect(try store(folder).names() == ["TOKEN"])
            try store(folder, passphrase: "open, sesame").protect(by: nil)
            #expect(try store(folder).values(of: ["TOKEN"])["TOKEN"] == Array("tomato".utf8))
        }
    }

    @Test func anotherKeyAndAnotherNameOpenNothing() throws {
        try withScratch { folder in
            let store = store(folder)
            try store.set("ONE", Array("first".utf8))
            try store.set("TWO", Array("second".utf8))
            // Under another name.
            let text = String(decoding: try File.read(store.file), as: UTF8.self)
            let swapped = text.replacing("\"ONE\"", with: "\"X\"").replacing("\"TWO\"", with: "\"ONE\"")
            try File.write(swapped, to: store.file, mode: 0o600)
            #expect(throws: SecretFailure.self) { try store.values(of: ["ONE"]) }
            try File.write(text, to: store.file, mode: 0o600)
            #expect(try store.values(of: ["ONE"])["ONE"] == Array("first".utf8))
            // Read by others.
            try Program("chmod").run("644", store.keyFile)
            #expect(throws: SecretFailure.self) { try store.values(of: ["ONE"]) }
            try File.write([UInt8](repeating: 7, count: 32), to: store.keyFile, mode: 0o600)
            let failure = #expect(throws: SecretFailure.self) { try store.values(of: ["ONE"]) }
            #expect(failure?.cause == "this is another key than they were sealed with")
        }
    }

    @Test(arguments: ["", "{}", "[]", "{\"version\": 2}", "{\"version\": 1, \"proof\": \"?\", \"secrets\": {}}"])
    func damagedFilesAreTold(_ text: String) throws {
        try withScratch { folder in
            let store = store(folder)
            try store.set("TOKEN", Array("tomato".utf8))
            try File.write(text, to: store.file, mode: 0o600)
            #expect(throws: SecretFailure.self) { try store.set("OTHER", [1]) }
            #expect(String(decoding: try File.read(store.file), as: UTF8.self) == text)
        }
    }
}
