// The elementwise work of a GRU. Gate order in rows of 3·hidden: r, q, n; saved rows of 4·hidden: r, q, n and
// m = W_hn h + b_hn. One thread per neuron and sample, unless stated otherwise.

struct Sizes { u32 samples, steps, inputs, hidden; };
struct Gates { float r, q, n, m, next; };

__device__ __forceinline__ float sigmoid(float a) { return 1.0f / (1.0f + expf(-a)); }

__device__ __forceinline__ Gates neuron(const float* input, const float* recurrent, const float* bias_ih,
                                        const float* bias_hh, u32 hidden, u32 j, float h) {
    Gates g;
    g.r = sigmoid(input[j] + bias_ih[j] + recurrent[j] + bias_hh[j]);
    u32 z = hidden + j, n = 2 * hidden + j;
    g.q = sigmoid(input[z] + bias_ih[z] + recurrent[z] + bias_hh[z]);
    g.m = recurrent[n] + bias_hh[n];
    g.n = tanhf(input[n] + bias_ih[n] + g.r * g.m);
    g.next = (1.0f - g.q) * g.n + g.q * h;
    return g;
}

// ∂h'/∂(summed input of r, q and n), the direct part, at fixed h.
__device__ __forceinline__ void direct(float r, float q, float n, float m, float h, float* d) {
    float candidate = (1.0f - q) * (1.0f - n * n);
    d[0] = candidate * m * r * (1.0f - r);
    d[1] = (h - n) * q * (1.0f - q);
    d[2] = candidate;
}

extern "C" __global__ void take_step(const float* map, float* to, u32 steps, u32 width, u32 t, u64 count) {
    u64 i = thread();
    if (i < count) to[i] = map[(i / width * steps + t) * width + i % width];
}

extern "C" __global__ void gru_forward(Sizes s, u32 t, const float* from_input, const float* from_hidden,
                                       const float* bias_ih, const float* bias_hh, float* h, float* post, float* saved) {
    u64 i = thread();
    if (i >= (u64)s.samples * s.hidden) return;
    u64 sample = i / s.hidden, row = sample * s.steps + t;
    u32 j = i % s.hidden;
    Gates g = neuron(from_input + row * 3 * s.hidden, from_hidden + sample * 3 * s.hidden, bias_ih, bias_hh, s.hidden, j, h[i]);
    h[i] = g.next;
    post[row * s.hidden + j] = g.next;
    if (saved) {
        float* to = saved + row * 4 * s.hidden + j;
        to[0] = g.r;
        to[s.hidden] = g.q;
        to[2 * s.hidden] = g.n;
        to[3 * s.hidden] = g.m;
    }
}

extern "C" __global__ void gru_backward(Sizes s, u32 t, const float* saved, const float* post, const float* factor,
                                        float* carry, float* at_input, float* at_hidden, float* step) {
    u64 i = thread();
    if (i >= (u64)s.samples * s.hidden) return;
    u64 sample = i / s.hidden, row = sample * s.steps + t;
    u32 j = i % s.hidden;
    const float* g = saved + row * 4 * s.hidden + j;
    float before = t == 0 ? 0.0f : post[(row - 1) * s.hidden + j];
    float r = g[0], q = g[s.hidden], d[3], delta = factor[row * s.hidden + j] + carry[i];
    direct(r, q, g[2 * s.hidden], g[3 * s.hidden], before, d);
    for (u32 gate = 0; gate < 3; gate++) {
        u64 at = row * 3 * s.hidden + gate * s.hidden + j;
        float input = d[gate] * delta, hidden = gate == 2 ? input * r : input;
        at_input[at] = input;
        at_hidden[at] = hidden;
        step[(sample * 3 + gate) * s.hidden + j] = hidden;
    }
    carry[i] = delta * q;
}

extern "C" __global__ void gru_direct(Sizes s, const float* from_input, const float* from_hidden, const float* bias_ih,
                                      const float* bias_hh, float* h, float* leak, float* at_input, float* at_hidden) {
    u64 i = thread();
    if (i >= (u64)s.samples * s.hidden) return;
    u64 sample = i / s.hidden;
    u32 j = i % s.hidden;
    Gates g = neuron(from_input + sample * 3 * s.hidden, from_hidden + sample * 3 * s.hidden, bias_ih, bias_hh, s.hidden, j, h[i]);
    float d[3];
    direct(g.r, g.q, g.n, g.m, h[i], d);
    leak[i] = g.q;
    for (u32 gate = 0; gate < 3; gate++) {
        u64 at = (sample * 3 + gate) * s.hidden + j;
        at_input[at] = d[gate];
        at_hidden[at] = gate == 2 ? d[2] * g.r : d[gate];
    }
    h[i] = g.next;
}

// ε ← q ⊙ ε + ∂h'/∂a · pre on traces [3·hidden, samples, width]; `pre` null: 1. One trace per thread.
extern "C" __global__ void gru_advance(Sizes s, const float* leak, const float* gains, const float* pre, float* traces,
                                       u32 width, u64 count) {
    u64 i = thread();
    if (i >= count) return;
    u64 sample = i / width % s.samples, row = i / width / s.samples;
    float gain = gains[sample * 3 * s.hidden + row];
    traces[i] = leak[sample * s.hidden + row % s.hidden] * traces[i] + (pre ? gain * pre[sample * width + i % width] : gain);
}

// ΔW += Σ over samples of signal ⊙ ε. One synapse per thread.
extern "C" __global__ void gru_learn(Sizes s, const float* signal, const float* traces, float* update, u32 width, u64 count) {
    u64 i = thread();
    if (i >= count) return;
    u64 row = i / width, column = i % width;
    float sum = update[i];
    for (u64 sample = 0; sample < s.samples; sample++)
        sum += signal[sample * s.hidden + row % s.hidden] * traces[(row * s.samples + sample) * width + column];
    update[i] = sum;
}
