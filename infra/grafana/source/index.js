// All dashboards.

import { broadcast } from './broadcast.js';
import { chat } from './chat.js';
import { edges } from './edges.js';
import { store } from './store.js';
import { viewers } from './viewers.js';

export const DASHBOARDS = [broadcast(), edges(), viewers(), chat(), store()];
