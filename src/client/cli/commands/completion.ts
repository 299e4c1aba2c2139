/** `opsloop completion`: scripts that ask opsloop itself what fits. */
import type { CliContext, GlobalFlags } from '../context.js';
import type { Shell } from '../routes/stack-routes.js';

const scripts: Record<Shell, string> = {
  bash: `# opsloop completion for bash: source <(opsloop completion bash)
_opsloop() {
  local IFS=$'\\n'
  local current="\${COMP_WORDS[COMP_CWORD]}"
  COMPREPLY=($(compgen -W "$(opsloop __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- "$current"))
}
complete -o default -F _opsloop opsloop
`,
  zsh: `#compdef opsloop
# opsloop completion for zsh: opsloop completion zsh > "\${fpath[1]}/_opsloop"
_opsloop() {
  local -a proposals
  proposals=("\${(@f)$(opsloop __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -a proposals
}
if [ "$funcstack[1]" = "_opsloop" ]; then _opsloop "$@"; else compdef _opsloop opsloop; fi
`,
  fish: `# opsloop completion for fish: opsloop completion fish > ~/.config/fish/completions/opsloop.fish
function __opsloop_complete
    set -l words (commandline -opc) (commandline -ct)
    opsloop __complete $words[2..-1] 2>/dev/null
end
complete -c opsloop -f -a '(__opsloop_complete)'
`,
};

export function completionCommand(this: CliContext, _flags: GlobalFlags, shell: Shell): void {
  this.output.raw(scripts[shell]);
}
