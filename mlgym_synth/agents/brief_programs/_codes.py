target = "TARGET"
train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
x = pd.concat([train, test]).drop(columns=["id", target], errors="ignore")
for name in x.select_dtypes(exclude="number"):
    x[name] = x[name].factorize(sort=True)[0]
x = x.fillna(-1).to_numpy(float)
