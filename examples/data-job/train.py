"""Train a model on made-up data; write predictions, a chart and a report to the folder given, or /out."""

import json
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import train_test_split

mpl.use("agg")


def trips(rows: int = 5000) -> pd.DataFrame:
    """Ferry trips: how long they take depends on distance, wind and load."""
    random = np.random.default_rng(seed=1807)
    table = pd.DataFrame(
        {
            "distance_km": random.uniform(2, 60, rows),
            "wind_knots": random.gamma(2.0, 5.0, rows),
            "load_t": random.uniform(10, 400, rows),
        }
    )
    slow = 1 + table.wind_knots / 80 + table.load_t / 2000
    table["minutes"] = table.distance_km * 2.4 * slow + random.normal(0, 3, rows)
    return table


def main(out: Path) -> None:
    table = trips()
    train, test = train_test_split(table, test_size=0.25, random_state=0)
    features = ["distance_km", "wind_knots", "load_t"]
    model = RandomForestRegressor(n_estimators=40, random_state=0).fit(train[features], train.minutes)
    result = test.assign(predicted=model.predict(test[features]))
    result.to_parquet(out / "predictions.parquet")
    axes = result.plot.scatter(x="minutes", y="predicted", s=2)
    axes.figure.savefig(out / "chart.png")
    rows = pq.read_metadata(out / "predictions.parquet").num_rows
    print(json.dumps({"rows": rows, "r2": round(model.score(test[features], test.minutes), 3), "out": str(out)}))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "/out"))
