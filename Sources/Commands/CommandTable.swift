/// Every command of las, in the order of the help.
enum CommandTable {
    static let all: [CommandSpec] = [
        newCommand, checkCommand, formatCommand, planCommand, explainCommand, mapCommand, lockCommand, packCommand,
        runCommand, deployCommand, eachCommand, resumeCommand, psCommand, statusCommand, logsCommand, reportCommand,
        attachCommand, joinCommand, fetchCommand, pauseCommand, continueCommand, cancelCommand, cleanCommand,
        workspaceListCommand, workspaceStatCommand, workspaceWhereCommand, workspaceHistoryCommand,
        workspaceCollisionsCommand, workspaceResolveCommand, workspaceGetCommand, workspacePutCommand,
        workspaceRemoveCommand, workspaceMountCommand, workspaceUnmountCommand,
        pushCommand, pullCommand, loginCommand, logoutCommand, manifestSlurmCommand, manifestKubernetesCommand,
        inspectCommand, sbomCommand, diffCommand, unpackCommand, verifyCommand, signCommand,
        storeCommand, storeShowCommand, storeCheckCommand, storeCollectCommand,
        storeExportCommand, storeImportCommand,
        keyNewCommand, keyListCommand, keyTrustCommand, keyForgetCommand, keyRequireCommand,
        secretSetCommand, secretListCommand, secretRemoveCommand, secretProtectCommand,
        schemaCommand,
        hostAddCommand, hostListCommand, hostCheckCommand, hostLabelCommand, hostDrainCommand, hostClearCommand,
        hostImportCommand, hostRemoveCommand,
        completionCommand, completeCommand, helpCommand,
        versionCommand,
    ]
}
