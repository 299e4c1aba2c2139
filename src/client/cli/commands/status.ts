/** `opsloop status`. */
import { withStack, type CliContext, type GlobalFlags } from '../context.js';
import { statusScreen } from '../status-screen.js';

export async function statusCommand(this: CliContext, _flags: GlobalFlags): Promise<void> {
  const { output } = this;
  await withStack(this, { needsTemporal: true }, async (stack) => {
    if (output.isJson) {
      const { readStatus } = await import('../../status.js');
      return output.document(await readStatus(stack));
    }
    const { readStatusView, webUiOf } = await import('../../status-view.js');
    const [reading, webUi] = await Promise.all([readStatusView(stack), webUiOf(stack)]);
    const view = { ...reading, webUi, api: stack.endpoints.apiUrl };
    output.lines(statusScreen(view, { style: output.style, width: output.width(), now: Date.now() }));
  });
}
