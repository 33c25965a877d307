/** Ways to break the trust in a root, each with the test that must notice. */
import type { Break } from "./breaks.ts";

const EVALUATE = "test/fault/trust/evaluate.test.ts";
const CONSENT = "test/fault/trust/consent.test.ts";
const OWNER = "test/fault/trust/owner.test.ts";

export const TRUST_BREAKS: readonly Break[] = [
  {
    what: "a verb that only looks evaluates the manifests of an untrusted root",
    edits: [
      {
        file: "src/commands/context/place.ts",
        from: `!isStranger() ? acting : "data"`,
        to: "!isStranger() ? acting : acting",
      },
    ],
    test: EVALUATE,
    only: "no verb evaluates",
  },
  {
    what: "a command with `--dry-run` evaluates the manifests of an untrusted root",
    edits: [
      {
        file: "src/commands/names/called.ts",
        from: `return command?.kind !== "oneshot" && holds(words, "--dry-run");`,
        to: `return command?.kind !== "oneshot" && holds(words, "--nothing");`,
      },
    ],
    test: EVALUATE,
    only: "no verb evaluates",
  },
  {
    what: "a host goes on in another folder that took its own folder's place",
    edits: [
      {
        file: "src/supervisor/ground/samefolder.ts",
        from: "return folder != null && now !== null && !isSameFolder(folder, now);",
        to: "return folder != null && now !== null && now.ino < 0;",
      },
    ],
    test: CONSENT,
    only: "in whose folder's place",
  },
  {
    what: "`dt watch` goes on in another folder that took its own folder's place",
    edits: [
      {
        file: "src/commands/watch/jobs.ts",
        from: "return folder === null || now === null || !isSameFolder(folder, now);",
        to: "return folder === null && now === null;",
      },
    ],
    test: CONSENT,
    only: "in whose folder's place",
  },
  {
    what: "a new host forgets that its root is untrusted",
    edits: [
      { file: "src/supervisor/host/adopt.ts", from: "if (spec.isStrange === true) ground.isStrange = true;", to: "" },
      {
        file: "src/supervisor/ground/ground.ts",
        from: 'isStrange: () => readingOf(env) === "known" && !isTrusted({ home, env }, root),',
        to: "isStrange: () => false,",
      },
      { file: "src/supervisor/prepare/launch.ts", from: "    isStrange: spec.isStrange,\n", to: "" },
    ],
    test: CONSENT,
    only: "gets nothing of it",
  },
  {
    what: "a launch that the daemon starts gets an untrusted root's programs on its PATH",
    edits: [
      {
        file: "src/commands/context/grounds.ts",
        from: "reading: acting, isStrange: isOfDaemon && place.isStranger() ? true : undefined }",
        to: "reading: acting, isStrange: undefined }",
      },
    ],
    test: CONSENT,
    only: "gets nothing of it",
  },
  {
    what: "dt run as root trusts another user's dt home without being told to",
    edits: [
      {
        file: "src/sys/places/paths.ts",
        from: "!(isOwner(home, stat.uid) && isPersons(stat.uid, env))",
        to: "!(isOwner(home, stat.uid) || isPersons(stat.uid, env))",
      },
    ],
    test: OWNER,
    only: "where the two are one person",
  },
  {
    what: "dt believes an earlier dt's record about processes of another user",
    edits: [
      { file: "src/state/unsealed.ts", from: "    table.isOwn(leader.pid) &&\n", to: "" },
      { file: "src/state/unsealed.ts", from: "    table.isOwn(host.pid) &&\n", to: "" },
    ],
    test: "test/state/store.test.ts",
    only: "or in a container",
  },
  {
    what: "dt takes a container's processes for this machine's",
    edits: [{ file: "src/sys/process/linux.ts", from: 'return ["pid", "mnt"].every(', to: 'return ["user"].every(' }],
    test: "test/fault/trust/state.test.ts",
    only: "mounted elsewhere alone",
  },
  {
    what: "dt takes a root that it cannot look at for gone",
    edits: [
      {
        file: "src/supervisor/tree/stray.ts",
        from: 'return ["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "");',
        to: "return errnoOf(error) !== undefined;",
      },
    ],
    test: "test/supervisor/tree/stray.test.ts",
  },
  {
    what: "dt reads a large file whole even when its end has no seal",
    edits: [
      {
        file: "src/sys/door/door.ts",
        from: "if (size > LARGE_BYTES && !isWorthIt(",
        to: "if (size < 0 && !isWorthIt(",
      },
    ],
    test: "test/sys/door/door.test.ts",
    only: "of a large file",
  },
  {
    what: "dt evaluates the packages that an untrusted root names as plugins",
    edits: [
      {
        file: "src/manifest/cache/reading.ts",
        from: "isOwn(found) || isData(found.file);",
        to: 'isOwn(found) || isData(found.file) || found.origin === "package";',
      },
    ],
    test: EVALUATE,
    only: "no verb evaluates",
  },
  {
    what: "dt does not record trust in a root when the user runs one of its commands",
    edits: [
      {
        file: "src/commands/context/acting.ts",
        from: `if (isStrange && isOfPerson(env)) writeTrust(home, { root, how: "ran" });`,
        to: "void isStrange;",
      },
    ],
    test: EVALUATE,
    only: "dt a one trusts the root",
  },
  {
    what: "dt trusts a root by its path alone",
    edits: [
      {
        file: "src/state/trust.ts",
        from: "return folder !== null && isSameFolder(read.value.folder, folder) ? read.value : null;",
        to: "return folder === null ? null : read.value;",
      },
    ],
    test: EVALUATE,
    only: "another folder at a trusted path",
  },
  {
    what: "a command from the user's own manifests gets an untrusted root's programs on its PATH",
    edits: [
      {
        file: "src/supervisor/prepare/command.ts",
        from: `const isStrange = request.isStrange ?? ground.isStrange ?? reading === "data";`,
        to: "const isStrange = false;",
      },
    ],
    test: EVALUATE,
    only: "the user's own manifests",
  },
  {
    what: "a dry run of an untrusted root's stack asks Compose",
    edits: [
      {
        file: "src/supervisor/prepare/stack.ts",
        from: "mayAsk: !dry || isTrusted(ground, ground.root),",
        to: "mayAsk: true,",
      },
    ],
    test: EVALUATE,
    only: "stranger's stack",
  },
  {
    what: "the daemon reads a root's manifests as they are, not as accepted",
    edits: [
      {
        file: "src/daemon/roots/project.ts",
        from: `return loadIndex({ ...place, reading: "known" });`,
        to: `return loadIndex({ ...place, reading: "all" });`,
      },
    ],
    test: CONSENT,
    only: "after a checkout",
  },
  {
    what: "a dt process that the daemon starts reads the manifests as they are, not as accepted",
    edits: [
      {
        file: "src/commands/daemon/foreground.ts",
        from: `env: { ...launches, [KNOWN_MARK]: "1" }`,
        to: "env: { ...launches }",
      },
    ],
    test: CONSENT,
    only: "after a checkout",
  },
  {
    what: "the daemon runs a function of a manifest that changed since it was accepted",
    edits: [
      {
        file: "src/supervisor/ground/manifests.ts",
        from: "if (isAsKnown({ root, home, env, owner }, file)) return;",
        to: "if (file !== root + isAsKnown.name) return;",
      },
    ],
    test: CONSENT,
    only: "after a checkout",
  },
  {
    what: "a `dt` that a job runs accepts changed manifests",
    edits: [
      {
        file: "src/supervisor/prepare/command.ts",
        from: `reading === "known" && request.launch === null`,
        to: `reading === "known" && request.launch !== null`,
      },
    ],
    test: CONSENT,
    only: "a dt that a job runs",
  },
  {
    what: "dt uses manifests that another user planted in a directory above",
    edits: [
      {
        file: "src/sys/places/root.ts",
        from: "  return false;\n}\n\n/** The other user",
        to: "  return true;\n}\n\n/** The other user",
      },
    ],
    test: OWNER,
    only: "planted in a shared directory above",
  },
  {
    what: "dt uses another user's tree without asking",
    edits: [
      {
        file: "src/sys/places/root.ts",
        from: "if (standsInTheirs) throw question(root, text);",
        to: "if (standsInTheirs) return true;",
      },
    ],
    test: OWNER,
    only: "wholly another user's",
  },
  {
    what: "dt puts another user's programs on PATH",
    edits: [
      {
        file: "src/supervisor/prepare/environment.ts",
        from: "return stat !== undefined && distrust(path, { stat, ...judge }) === null;",
        to: "return stat !== undefined && judge !== null;",
      },
    ],
    test: OWNER,
    only: "are not on PATH",
  },
  {
    what: "dt does not check who owns a `node_modules` folder that it imports from",
    edits: [
      {
        file: "src/manifest/imports/closure.ts",
        from: 'candidates.push(`${join(directory, "node_modules")}/`, candidate);',
        to: "candidates.push(candidate);",
      },
    ],
    test: OWNER,
    only: "a package that another user planted",
  },
];
