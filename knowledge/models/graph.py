"""Writes a BERT-type encoder as an int8 ONNX graph: token ids in, one vector of length 1 a text out.

Each weight matrix is quantised by itself (one scale a column, symmetric) and put into the graph
before the next one is unpacked, so building needs little more memory than the finished file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from knowledge.models.weights import Floats, Weights

_ROWS_AT_ONCE = 16_384


def write(weights: Weights, target: Path) -> None:
    """Write the graph to `target`: inputs `input_ids` and `attention_mask`, output `sentence_embedding`."""
    drawing = _Drawing(weights)
    drawing.embeddings()
    for layer in range(weights.shape.layers):
        drawing.layer(layer)
    drawing.mean_pooling()
    onnx.save_model(drawing.model(), str(target))


class _Drawing:
    """The graph while it is drawn; `self.x` names the value that the next step takes."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.x = ""
        self._integers("zero", [0])
        self._integers("one", [1])

    def embeddings(self) -> None:
        """Words plus positions plus the first token type, normalised; and the mask as an attention bias."""
        shape = self.weights.shape
        self._word_table()
        self._node("Gather", ["word_rows", "input_ids"], "word_ints")
        self._node("Cast", ["word_ints"], "word_floats", to=TensorProto.FLOAT)
        self._node("Gather", ["word_scales", "input_ids"], "word_scale")
        self._node("Mul", ["word_floats", "word_scale"], "words")
        positions = self.weights.floats("emb.pos", shape.positions, shape.hidden)
        first_type = self.weights.floats("emb.type", 1, shape.hidden)
        self._constant("positions_table", positions + first_type)
        # Slice and not Range with Gather: onnxruntime rewrites that pair into a Slice that it then refuses.
        self._node("Shape", ["input_ids"], "length", start=1, end=2)
        self._node("Slice", ["positions_table", "zero", "length", "zero"], "positions")
        self._node("Add", ["words", "positions"], "embedded")
        self._normalise("embedded", "emb.ln", "embedded_normal")
        self._mask()

    def layer(self, number: int) -> None:
        """One transformer layer: attention, then the two inner matrices, each added to its input and normalised."""
        hidden, inner = self.weights.shape.hidden, self.weights.shape.inner
        here, before = f"l{number}", self.x
        attended = self._attention(here, before)
        self._linear(attended, f"{here}.ao", hidden, hidden)
        self._node("Add", [f"{here}.ao", before], f"{here}.sum1")
        self._normalise(f"{here}.sum1", f"{here}.aln", f"{here}.normal1")
        self._linear(self.x, f"{here}.fi", inner, hidden)
        self._node("Gelu", [f"{here}.fi"], f"{here}.gelu")
        self._linear(f"{here}.gelu", f"{here}.fo", hidden, inner)
        self._node("Add", [f"{here}.fo", f"{here}.normal1"], f"{here}.sum2")
        self._normalise(f"{here}.sum2", f"{here}.oln", f"{here}.normal2")

    def mean_pooling(self) -> None:
        """The mean over the tokens that the mask keeps, scaled to length 1."""
        self._integers("last", [2])
        self._node("Unsqueeze", ["mask", "last"], "mask_column")
        self._node("Mul", [self.x, "mask_column"], "kept")
        self._node("ReduceSum", ["kept", "one"], "summed", keepdims=0)
        self._node("ReduceSum", ["mask", "one"], "counted", keepdims=1)
        self._node("Div", ["summed", "counted"], "mean")
        self._node("ReduceL2", ["mean", "one"], "norm", keepdims=1)
        self._node("Div", ["mean", "norm"], "sentence_embedding")

    def model(self) -> onnx.ModelProto:
        inputs = [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
            for name in ("input_ids", "attention_mask")
        ]
        output = helper.make_tensor_value_info(
            "sentence_embedding", TensorProto.FLOAT, ["batch", self.weights.shape.hidden]
        )
        graph = helper.make_graph(self.nodes, "encoder", inputs, [output], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)

    def _attention(self, here: str, x: str) -> str:
        shape = self.weights.shape
        width = shape.hidden // shape.heads
        self._integers(f"{here}.split", [0, 0, shape.heads, width])
        self._integers(f"{here}.join", [0, 0, shape.hidden])
        turns = {"q": [0, 2, 1, 3], "k": [0, 2, 3, 1], "v": [0, 2, 1, 3]}
        for part, turn in turns.items():
            self._linear(x, f"{here}.{part}", shape.hidden, shape.hidden)
            self._node("Reshape", [f"{here}.{part}", f"{here}.split"], f"{here}.{part}.heads")
            self._node("Transpose", [f"{here}.{part}.heads"], f"{here}.{part}.turned", perm=turn)
        self._constant(f"{here}.scale", np.array(width**-0.5, np.float32))
        self._node("Mul", [f"{here}.q.turned", f"{here}.scale"], f"{here}.q.scaled_down")
        self._node("MatMul", [f"{here}.q.scaled_down", f"{here}.k.turned"], f"{here}.match")
        self._node("Add", [f"{here}.match", "bias"], f"{here}.masked")
        self._node("Softmax", [f"{here}.masked"], f"{here}.weights", axis=-1)
        self._node("MatMul", [f"{here}.weights", f"{here}.v.turned"], f"{here}.mixed")
        self._node("Transpose", [f"{here}.mixed"], f"{here}.mixed.turned", perm=[0, 2, 1, 3])
        return self._node("Reshape", [f"{here}.mixed.turned", f"{here}.join"], f"{here}.attended")

    def _linear(self, x: str, name: str, rows: int, columns: int) -> str:
        """`x` times the matrix `name`, in integers, back to floats, plus the bias. The value is called `name`."""
        ints, scales = _quantise(self.weights.matrix(f"{name}.w", rows, columns))
        self._constant(f"{name}.ints", np.ascontiguousarray(ints.T))
        self._constant(f"{name}.scales", scales)
        self._constant(f"{name}.zeros", np.zeros(rows, np.int8))
        self._constant(f"{name}.bias", self.weights.floats(f"{name}.b", rows))
        whole, scale, zero = self._activation(x)
        self._node("MatMulInteger", [whole, f"{name}.ints", zero, f"{name}.zeros"], f"{name}.product")
        self._node("Cast", [f"{name}.product"], f"{name}.float", to=TensorProto.FLOAT)
        self._node("Mul", [scale, f"{name}.scales"], f"{name}.unit")
        self._node("Mul", [f"{name}.float", f"{name}.unit"], f"{name}.scaled")
        return self._node("Add", [f"{name}.scaled", f"{name}.bias"], name)

    def _activation(self, x: str) -> tuple[str, str, str]:
        """`x` in 8 bits, its scale and zero point; drawn once for the three matrices that share an input."""
        names = (f"{x}.q8", f"{x}.q8scale", f"{x}.q8zero")
        if not any(node.name == names[0] for node in self.nodes):
            self.nodes.append(helper.make_node("DynamicQuantizeLinear", [x], list(names), name=names[0]))
        return names

    def _normalise(self, x: str, name: str, out: str) -> None:
        hidden = self.weights.shape.hidden
        for part in ("w", "b"):
            self._constant(f"{name}.{part}", self.weights.floats(f"{name}.{part}", hidden))
        self.x = self._node("LayerNormalization", [x, f"{name}.w", f"{name}.b"], out, axis=-1, epsilon=1e-12)

    def _word_table(self) -> None:
        shape = self.weights.shape
        ints = np.empty((shape.vocabulary, shape.hidden), np.int8)
        scales = np.empty((shape.vocabulary, 1), np.float32)
        first = 0
        for rows in self.weights.row_chunks("emb.word", shape.vocabulary, shape.hidden, _ROWS_AT_ONCE):
            until = first + len(rows)
            ints[first:until], scales[first:until, 0] = _quantise(rows)
            first = until
        self._constant("word_rows", ints)
        self._constant("word_scales", scales)

    def _mask(self) -> None:
        self._constant("unit", np.array(1, np.float32))
        self._constant("far_below", np.array(1e4, np.float32))
        self._integers("heads_and_queries", [1, 2])
        self._node("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT)
        self._node("Sub", ["mask", "unit"], "left_out")
        self._node("Mul", ["left_out", "far_below"], "bias_row")
        self._node("Unsqueeze", ["bias_row", "heads_and_queries"], "bias")

    def _node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def _constant(self, name: str, values: NDArray[np.generic]) -> None:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))

    def _integers(self, name: str, values: list[int]) -> None:
        self._constant(name, np.array(values, np.int64))


def _quantise(rows: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Each row as integers of -127..127 times one scale."""
    scales = np.maximum(np.abs(rows).max(axis=1) / 127, 1e-12).astype(np.float32)
    return np.rint(rows / scales[:, None]).astype(np.int8), scales
