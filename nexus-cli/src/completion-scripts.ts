import { defineCommand, exits } from './command.js';

/** Each asks the program for candidates: `word`, or `word<tab>description`; `:files` stands for file names. */
const scripts = {
  bash: `_nexus_cli() {
  local line word files=
  local -a words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=()
  while IFS= read -r line; do
    word=\${line%%$'\\t'*}
    if [ "$word" = ':files' ]; then files=1; else COMPREPLY+=("$word"); fi
  done < <("\${COMP_WORDS[0]}" __complete "\${words[@]}" 2>/dev/null)
  if [ -n "$files" ]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}")
  fi
}
complete -F _nexus_cli nexus-cli
`,
  zsh: `#compdef nexus-cli
_nexus_cli() {
  local line word tab=$'\\t' files
  local -a candidates
  while IFS= read -r line; do
    if [[ $line == ':files' ]]; then files=1; continue; fi
    word=\${line%%$tab*}
    word=\${word//:/\\\\:}
    [[ $line == *$tab* ]] && word+=":\${line#*$tab}"
    candidates+=("$word")
  done < <("$words[1]" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( \${#candidates} )) && _describe 'nexus-cli' candidates
  [[ -n $files ]] && _files
  return 0
}
if [[ $funcstack[1] == _nexus_cli ]]; then _nexus_cli "$@"; else compdef _nexus_cli nexus-cli; fi
`,
  fish: `function __nexus_cli_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] __complete $words[2..-1] 2>/dev/null)
        if test "$line" = ':files'
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c nexus-cli -f -a '(__nexus_cli_complete)'
`,
} as const;

type Shell = keyof typeof scripts;

export const completion = defineCommand({
  options: {},
  args: { SHELL: { help: 'the shell to complete in', among: Object.keys(scripts) } },
  description: [
    'Prints what a shell has to read at its start: for bash `source <(nexus-cli completion bash)` in ~/.bashrc; for zsh the same with zsh in ~/.zshrc, after compinit; for fish, write it to ~/.config/fish/completions/nexus-cli.fish.',
  ],
  examples: ['completion bash'],
  roles: [],
  async run({ args }, { stdout }) {
    stdout.write(scripts[args.SHELL as Shell]);
    return exits.done;
  },
});
