import { UsageError } from "./usage-error.ts";

// each asks `acomm complete` for the words that fit, and leaves files to the shell where there are none
const scripts: ReadonlyMap<string, string> = new Map([
  ["bash", `_acomm() {
  local IFS=$'\\n'
  COMPREPLY=($(acomm complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _acomm acomm`],
  ["zsh", `#compdef acomm
_acomm() {
  local -a fitting
  fitting=("\${(@f)$(acomm complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$fitting" ]]; then compadd -- $fitting; else _files; fi
}
compdef _acomm acomm`],
  ["fish", `complete -c acomm -a '(acomm complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'`],
]);

/** The shells that `acomm completion` knows. */
export const shells: readonly string[] = [...scripts.keys()];

/** The script that makes a shell complete the words of `acomm`. @throws UsageError for a shell that it doesn't know */
export function completionScript(shell: string): string {
  const script = scripts.get(shell);
  if (script === undefined) throw new UsageError(`there is no completion for ${JSON.stringify(shell)}: the shells are ${shells.join(", ")}`);
  return script;
}
