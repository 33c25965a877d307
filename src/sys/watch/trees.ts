/**
 * Watches the files that patterns select, wherever they lie. It also reports the files that exist at the beginning, and
 * patterns that name nothing.
 */
import { isRemote } from "../files/space.ts";
import { type Files, groupFiles, type WatchGroup } from "../match/groups.ts";
import { type Directories, watchDirectories } from "./directories.ts";

export interface TreesRequest extends Files {
  /** An absolute path of a file that was created, changed or removed. */
  onChange(path: string): void;
  /** Gets the reason why watching is incomplete, as a sentence without its period. */
  onTrouble(what: string): void;
  /** Gets the patterns that name no file: at the beginning, if there are any, and each time there are fewer. */
  onUnmatched?(patterns: readonly string[]): void;
}

export interface Trees {
  /** All files that were selected when it began. */
  initial: ReadonlySet<string>;
  close(): void;
}

const MORE_WATCHES = "sudo sysctl fs.inotify.max_user_watches=1048576";

/** Resolves when every change from then on will be seen. */
export async function watchTrees(request: TreesRequest): Promise<Trees> {
  const initial = new Set<string>();
  const groups = await groupFiles(request);
  const unmatched = new Set(groups.flatMap(({ selecting }) => selecting));
  const match = ({ nameOf }: WatchGroup, path: string): boolean => {
    const before = unmatched.size;
    for (const pattern of unmatched) if (pattern.names(nameOf(path))) unmatched.delete(pattern);
    return unmatched.size < before;
  };
  const tell = () => request.onUnmatched?.([...unmatched].map(({ written }) => written));
  const open: Directories[] = [];
  for (const group of groups) {
    const directories = await watchGroup(request, {
      group,
      onFile: (path) => {
        if (unmatched.size > 0 && match(group, path)) tell();
        request.onChange(path);
      },
    });
    open.push(directories);
    for (const path of directories.files()) {
      initial.add(path);
      if (unmatched.size > 0) match(group, path);
    }
  }
  if (unmatched.size > 0) tell();
  return {
    initial,
    close() {
      for (const directories of open) directories.close();
    },
  };
}

function watchGroup(
  { onTrouble }: TreesRequest,
  { group: { from, matcher }, onFile }: { group: WatchGroup; onFile: (path: string) => void },
): Promise<Directories> {
  const polls = isRemote(from);
  if (polls)
    onTrouble(`${from} is on a file system that does not report changes: its files are looked at every second`);
  return watchDirectories({
    from,
    ...matcher,
    polls,
    onFile,
    onSpent: () =>
      onTrouble(
        `the system has no file watches left, so some directories below ${from} are looked at every second; to allow more: ${MORE_WATCHES}`,
      ),
    onTrouble,
  });
}

/** `"a/*.md" matches no file`, of one pattern or several. */
export function describeUnmatched(patterns: readonly string[]): string {
  const names = patterns.map((one) => JSON.stringify(one)).join(", ");
  return `${names} ${patterns.length === 1 ? "matches" : "match"} no file`;
}
