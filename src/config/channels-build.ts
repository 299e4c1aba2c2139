/** Channels as opsloop sends to them, built from their valid shape. */
import type { Channel } from '../domain/configuration.js';
import type { ChannelsShape } from './channels-shape.js';
import { configDefaults } from './defaults.js';

/** In the order of the file; console and file when there is no such section. */
export const buildChannels = (shape: ChannelsShape | null): Channel[] => {
  const given: ChannelsShape = shape ?? { console: { type: 'console' }, file: { type: 'file' } };
  return Object.entries(given).map(([name, channel]) => buildChannel(name, channel));
};

const buildChannel = (name: string, channel: ChannelsShape[string]): Channel => {
  switch (channel.type) {
    case 'console':
      return { name, kind: 'console' };
    case 'file':
      return { name, kind: 'file', path: channel.path ?? configDefaults.alertsFile };
    case 'slack':
    case 'discord':
      return { name, kind: channel.type, url: channel.url };
    case 'email': {
      const { url, from, to } = channel;
      return { name, kind: 'email', url, from, to: [...new Set([to].flat())] };
    }
    case 'webhook':
      return {
        name,
        kind: 'webhook',
        url: channel.url,
        secret: channel.secret ?? configDefaults.webhook.secret,
      };
  }
};
